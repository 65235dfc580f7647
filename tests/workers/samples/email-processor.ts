import { EmailMessage } from "cloudflare:email";
import { createMimeMessage } from "mimetext";
// ============================================
// Configuration - Update these values
// ============================================
const YOUR_DOMAIN = "yourdomain.com"; // Replace with your verified domain
const FORWARD_TO_EMAIL = "your-team@company.com"; // Replace with where you want emails forwarded
export default {
  async email(message, env, ctx): Promise<void> {
    const sender = message.from;
    const recipient = message.to;
    const subject = message.headers.get("subject") || "";
    console.log(
      `Processing email from ${sender} to ${recipient} with subject ${subject}`,
    );
    // Route based on recipient
    if (recipient.includes("support@")) {
      // Send auto-reply
      const msg = createMimeMessage();
      const messageId = message.headers.get("Message-ID");
      if (messageId) {
        msg.setHeader("In-Reply-To", messageId);
      }
      msg.setSender({
        name: "Support Team",
        addr: `support@${YOUR_DOMAIN}`,
      });
      msg.setRecipient(message.from);
      msg.setSubject("We received your message");
      // Add plain text version
      msg.addMessage({
        contentType: "text/plain",
        data: "Thank you for contacting support. Your ticket number is 123.\n\nA member of our support team will get back to you shortly.",
      });
      // Add HTML version
      msg.addMessage({
        contentType: "text/html",
        data: "<p>Thank you for contacting support. Your ticket number is <strong>123</strong>.</p><p>A member of our support team will get back to you shortly.</p>",
      });
      const replyMessage = new EmailMessage(
        `support@${YOUR_DOMAIN}`,
        message.from,
        msg.asRaw(),
      );
      await message.reply(replyMessage);
      // Forward to support team
      await message.forward(FORWARD_TO_EMAIL);
    } else {
      // Default: forward to admin
      await message.forward(FORWARD_TO_EMAIL);
    }
  },
} satisfies ExportedHandler<Env>;
