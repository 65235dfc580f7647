export default {
  async email(message, env, ctx): Promise<void> {
    try {
      // Main email processing logic
      await processEmail(message, env);
    } catch (error) {
      console.error("Email processing failed:", error);
      // Log error for monitoring
      if (env.ERROR_LOGS) {
        await env.ERROR_LOGS.put(
          `error-${Date.now()}`,
          JSON.stringify({
            error: error.message,
            stack: error.stack,
            from: message.from,
            to: message.to,
            timestamp: new Date().toISOString(),
          }),
        );
      }
      // Fallback: forward to admin
      try {
        await message.forward("admin@company.com");
      } catch (fallbackError) {
        console.error("Fallback forwarding failed:", fallbackError);
        // Last resort: reject the email
        message.setReject("Internal processing error");
      }
    }
  },
};
async function processEmail(message, env) {
  // Your main email processing logic here
  const recipient = message.to;
  if (recipient.includes("support@")) {
    await message.forward("support@company.com");
  } else if (recipient.includes("sales@")) {
    await message.forward("sales@company.com");
  } else {
    await message.forward("general@company.com");
  }
}
