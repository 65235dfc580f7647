interface Env {
  EMAIL: SendEmail;
}
export default {
  async email(message, env, ctx): Promise<void> {
    const subject = message.headers.get("subject") || "";
    // Send auto-reply
    await env.EMAIL.send({
      to: message.from,
      from: message.to, // Reply from the original recipient address
      subject: `Re: ${subject}`,
      html: `
                <h1>Thank you for your message</h1>
                <p>We have received your email and will respond shortly.</p>
                <p>Original message received at: ${new Date().toISOString()}</p>
            `,
      text: "Thank you for your message. We have received your email and will respond shortly.",
    });
    // Also forward to human team
    await message.forward("team@company.com");
  },
};
