interface Env {
  EMAIL: SendEmail;
  EMAILS: KVNamespace;
  SUPPORT_TICKETS: KVNamespace;
}
export default {
  async email(message, env, ctx): Promise<void> {
    const emailId = `email-${Date.now()}-${Math.random().toString(36).substr(2, 9)}`;
    // Read email content
    const reader = message.raw.getReader();
    const chunks = [];
    try {
      while (true) {
        const { done, value } = await reader.read();
        if (done) break;
        chunks.push(value);
      }
      const decoder = new TextDecoder();
      const rawContent = decoder.decode(
        new Uint8Array(chunks.reduce((acc, chunk) => [...acc, ...chunk], [])),
      );
      // Store email metadata and content
      const emailData = {
        id: emailId,
        from: message.from,
        to: message.to,
        subject: message.headers.get("subject"),
        timestamp: new Date().toISOString(),
        size: message.rawSize,
        rawContent: rawContent,
        processed: false,
      };
      await env.EMAILS.put(emailId, JSON.stringify(emailData));
      // Process based on recipient
      if (message.to.includes("support@")) {
        await handleSupportEmail(message, env, emailId);
      } else {
        await message.forward("general@company.com");
      }
    } finally {
      reader.releaseLock();
    }
  },
};
async function handleSupportEmail(message, env, emailId) {
  const ticketId = `TICKET-${Date.now()}`;
  // Create support ticket
  const ticketData = {
    id: ticketId,
    emailId: emailId,
    from: message.from,
    subject: message.headers.get("subject"),
    status: "open",
    priority: "normal",
    createdAt: new Date().toISOString(),
    updatedAt: new Date().toISOString(),
  };
  await env.SUPPORT_TICKETS.put(ticketId, JSON.stringify(ticketData));
  // Send auto-reply with ticket number
  await env.EMAIL.send({
    to: message.from,
    from: "support@company.com",
    subject: `Support Ticket Created: ${ticketId}`,
    html: `
            <h1>Support Ticket Created</h1>
            <p>Your support request has been received and assigned ticket number: <strong>${ticketId}</strong></p>
            <p>We will respond within 2-4 hours during business hours.</p>
            <hr>
            <p><em>Original subject: ${message.headers.get("subject")}</em></p>
        `,
  });
  // Forward to support team
  await message.forward("support-team@company.com");
}
