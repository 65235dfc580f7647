export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    try {
      const response = await env.EMAIL.send({
        to: "user@example.com",
        from: "noreply@yourdomain.com",
        subject: "Test Email",
        text: "This is a test email.",
      });
      return new Response(
        JSON.stringify({
          success: true,
          emailId: response.messageId,
        }),
      );
    } catch (error) {
      // Error has .code and .message properties
      console.error("Email sending failed:", error.code, error.message);
      // Handle specific error types
      switch (error.code) {
        case "E_SENDER_NOT_VERIFIED":
          return new Response(
            JSON.stringify({
              success: false,
              error: "Please verify your sender domain first",
            }),
            { status: 400 },
          );
        case "E_RATE_LIMIT_EXCEEDED":
          return new Response(
            JSON.stringify({
              success: false,
              error: "Rate limit exceeded. Please try again later",
            }),
            { status: 429 },
          );
        default:
          return new Response(
            JSON.stringify({
              success: false,
              error: error.message,
            }),
            { status: 500 },
          );
      }
    }
  },
};
