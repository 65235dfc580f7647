export default {
  async email(message, env, ctx): Promise<void> {
    const subject = message.headers.get("subject") || "";
    if (subject.toLowerCase().includes("security")) {
      // Forward to multiple addresses for security issues
      await Promise.all([
        message.forward("security@company.com"),
        message.forward("admin@company.com"),
        message.forward("ciso@company.com"),
      ]);
    } else {
      await message.forward("general@company.com");
    }
  },
};
