export default {
  async email(message, env, ctx) {
      message.setReject("Address not allowed");
  }
}

