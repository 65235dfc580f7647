import PostalMime from "postal-mime";

export default {
  async email(message) {
    const email = await PostalMime.parse(message.raw);
    const headers = new Headers({ "X-Subject": email.subject ?? "", "X-Length": String(email.text?.length ?? 0) });
    await message.forward("recipient@example.net", headers);
  },
};
