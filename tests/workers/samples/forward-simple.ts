export default {
  async email(message, env, ctx): Promise<void> {
    // Forward to a single address
    await message.forward("team@company.com");
  },
};
