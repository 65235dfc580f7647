import { EmailMessage } from "cloudflare:email";
import { createMimeMessage } from "mimetext";
export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const msg = createMimeMessage();
    msg.setSender({ name: "Sender", addr: "sender@yourdomain.com" });
    msg.setRecipient("recipient@example.com");
    msg.setSubject("Legacy Email");
    msg.addMessage({
      contentType: "text/html",
      data: "<h1>Hello from legacy API</h1>",
    });
    const message = new EmailMessage(
      "sender@yourdomain.com",
      "recipient@example.com",
      msg.asRaw(),
    );
    await env.EMAIL.send(message);
    return new Response("Legacy email sent");
  },
};
