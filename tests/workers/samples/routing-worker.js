import * as PostalMime from 'postal-mime';
export default {
  async email(message, env, ctx) {
    // Parse the raw email message
    const parser = new PostalMime.default();
    const rawEmail = new Response(message.raw);
    const email = await parser.parse(await rawEmail.arrayBuffer());
    console.log('Received email:', {
      from: message.from,
      to: message.to,
      subject: email.subject,
      text: email.text,
      html: email.html
    });
    // Route based on recipient
    if (message.to.includes('support@')) {
      await message.forward('support-team@company.com');
    } else {
      await message.forward('general@company.com');
    }
  },
};
