export default {
  async email(message, env, ctx): Promise<void> {
    const recipient = message.to;
    const subject = message.headers.get("subject") || "";
    // Route based on recipient
    if (recipient.includes("support@")) {
      await message.forward("support-team@company.com");
    } else if (recipient.includes("sales@")) {
      await message.forward("sales-team@company.com");
    } else if (subject.toLowerCase().includes("urgent")) {
      await message.forward("urgent@company.com");
    } else {
      // Default routing
      await message.forward("general@company.com");
    }
  },
};
