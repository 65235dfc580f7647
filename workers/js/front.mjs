// Calls `queue()` of the Worker with a batch that comes in by HTTP, and answers with what it said.

const octets = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));

function message({ id, sent, attempts, format, body }) {
  const envelope = { id, timestamp: new Date(sent), attempts };
  switch (format) {
    case "json":
      return { ...envelope, body: JSON.parse(body) };
    case "text":
      return { ...envelope, body };
    case "bytes":
      return { ...envelope, body: octets(body) };
    default:
      return { ...envelope, serializedBody: octets(body) };
  }
}

export default {
  async fetch(request, env) {
    const { queue, messages } = await request.json();
    const said = await env.USER.queue(queue, messages.map(message));
    return Response.json(said);
  },
};
