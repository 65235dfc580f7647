// Configuration - Update these values
const YOUR_DOMAIN = "yourdomain.com"; // Replace with your verified domain
const RECIPIENT_EMAIL = "recipient@example.com"; // Replace with your email to receive test emails
export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    // Send a welcome email
    const response = await env.EMAIL.send({
      to: RECIPIENT_EMAIL,
      from: `welcome@${YOUR_DOMAIN}`,
      subject: "Welcome to our service!",
      html: "<h1>Welcome!</h1><p>Thanks for signing up.</p>",
      text: "Welcome! Thanks for signing up.",
    });
    return new Response(`Email sent: ${response.messageId}`);
  },
} satisfies ExportedHandler<Env>;
