export default {
  // Handle HTTP requests (Email Sending)
  async fetch(request, env, ctx): Promise<Response> {
    // Send a welcome email
    await env.EMAIL.send({
      to: "user@example.com",
      from: "welcome@yourdomain.com",
      subject: "Welcome to our service!",
      html: "<h1>Welcome!</h1><p>Thanks for signing up.</p>",
      text: "Welcome! Thanks for signing up."
    });
      return new Response("Email sent successfully");
    },
    // Handle incoming emails (Email Routing)
    async email(message, env, ctx): Promise<void> {
      // Forward to support team
      if (message.to.includes("support@yourdomain.com")) {
        await message.forward("team@yourdomain.com");
      }
      // Send auto-reply
      await env.EMAIL.send({
        to: message.from,
        from: "noreply@yourdomain.com",
        subject: "We received your message",
        html: "<h1>Thank you!</h1><p>We'll get back to you soon.</p>"
      });
    }
} satisfies ExportedHandler<{ EMAIL: SendEmail }>;
