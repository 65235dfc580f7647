export default {
  async email(message, env, ctx): Promise<void> {
    // Access email metadata
    console.log(`From: ${message.from}`);
    console.log(`To: ${message.to}`);
    console.log(`Size: ${message.rawSize} bytes`);
    // Access headers
    const subject = message.headers.get("subject");
    const date = message.headers.get("date");
    const messageId = message.headers.get("message-id");
    console.log(`Subject: ${subject}`);
    console.log(`Date: ${date}`);
    console.log(`Message-ID: ${messageId}`);
  },
};
