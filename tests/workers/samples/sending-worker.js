export default {
  async fetch(request, env, ctx) {
    if (request.method !== "POST") {
      return new Response("Method not allowed", { status: 405 });
    }
    try {
      const emailData = await request.json();
      console.log("📤 Sending email:", {
        to: emailData.to,
        from: emailData.from,
        subject: emailData.subject,
      });
      const response = await env.EMAIL.send(emailData);
      return new Response(
        JSON.stringify({
          success: true,
          id: response.messageId,
        }),
        {
          headers: { "Content-Type": "application/json" },
        },
      );
    } catch (error) {
      return new Response(
        JSON.stringify({
          success: false,
          error: error.message,
        }),
        {
          status: 500,
          headers: { "Content-Type": "application/json" },
        },
      );
    }
  },
};
