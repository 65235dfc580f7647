export default {
  async email(message, env, ctx): Promise<void> {
    // Read raw email content
    const reader = message.raw.getReader();
    const chunks = [];
    try {
      while (true) {
        const { done, value } = await reader.read();
        if (done) break;
        chunks.push(value);
      }
      // Convert to string
      const decoder = new TextDecoder();
      const rawContent = decoder.decode(
        new Uint8Array(chunks.reduce((acc, chunk) => [...acc, ...chunk], [])),
      );
      console.log("Raw email content:", rawContent);
    } finally {
      reader.releaseLock();
    }
  },
};
