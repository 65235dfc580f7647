// Helper function to parse email content
async function parseEmailContent(
  message,
): Promise<{ subject: string; textBody: string; htmlBody: string }> {
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
    // Parse MIME content (simplified)
    const subject = message.headers.get("subject") || "";
    const textMatch = rawContent.match(
      /Content-Type: text\/plain[\s\S]*?\n\n([\s\S]*?)(?=\n--|\nContent-Type|\n$)/,
    );
    const htmlMatch = rawContent.match(
      /Content-Type: text\/html[\s\S]*?\n\n([\s\S]*?)(?=\n--|\nContent-Type|\n$)/,
    );
    return {
      subject,
      textBody: textMatch ? textMatch[1].trim() : "",
      htmlBody: htmlMatch ? htmlMatch[1].trim() : "",
    };
  } finally {
    reader.releaseLock();
  }
}
export default {
  async email(message, env, ctx): Promise<void> {
    const { subject, textBody, htmlBody } = await parseEmailContent(message);
    console.log(`Subject: ${subject}`);
    console.log(`Text: ${textBody}`);
    console.log(`HTML: ${htmlBody}`);
  },
};
