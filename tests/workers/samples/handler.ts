interface Env {
  EMAIL: SendEmail;
}
export default {
  async email(message, env, ctx): Promise<void> {
    // Process incoming email
    await message.forward("destination@example.com");
  },
} satisfies ExportedHandler<Env>;
