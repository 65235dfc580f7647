// Uses the sample that it is bundled with.
export default {
  async fetch(request, env) {
    const to = new URL(request.url).searchParams.get("to");
    return Response.json((await sendEmail(to, "Hello", "Hello.", env)) ?? "sent");
  },
};
