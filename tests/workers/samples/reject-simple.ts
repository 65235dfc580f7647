export default {
  async email(message, env, ctx): Promise<void> {
    const sender = message.from;
    // Block specific senders
    const blockedDomains = ["spam.com", "unwanted.net"];
    const senderDomain = sender.split("@")[1];
    if (blockedDomains.includes(senderDomain)) {
      message.setReject("Sender domain not allowed");
      return;
    }
    // Continue processing
    await message.forward("inbox@company.com");
  },
};
