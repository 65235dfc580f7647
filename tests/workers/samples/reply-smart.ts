export default {
  async email(message, env, ctx): Promise<void> {
    const sender = message.from;
    const recipient = message.to;
    const subject = message.headers.get("subject") || "";
    // Don't reply to automated emails
    if (
      sender.includes("noreply") ||
      sender.includes("no-reply") ||
      subject.toLowerCase().includes("automated")
    ) {
      await message.forward("team@company.com");
      return;
    }
    // Customized auto-reply based on recipient
    let replyMessage = "";
    let replySubject = `Re: ${subject}`;
    if (recipient.includes("support@")) {
      replyMessage = `
                <h1>Support Request Received</h1>
                <p>Thank you for contacting support. Your request has been assigned ticket #${Date.now()}.</p>
                <p>Expected response time: 2-4 hours during business hours.</p>
            `;
    } else if (recipient.includes("sales@")) {
      replyMessage = `
                <h1>Sales Inquiry Received</h1>
                <p>Thank you for your interest in our products.</p>
                <p>A sales representative will contact you within 24 hours.</p>
            `;
    } else {
      replyMessage = `
                <h1>Message Received</h1>
                <p>Thank you for your message. We will respond within 2 business days.</p>
            `;
    }
    await env.EMAIL.send({
      to: sender,
      from: recipient,
      subject: replySubject,
      html: replyMessage,
      text: replyMessage.replace(/<[^>]*>/g, ""), // Strip HTML for text version
    });
    // Forward to appropriate team
    await message.forward("team@company.com");
  },
};
