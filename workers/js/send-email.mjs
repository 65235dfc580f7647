// What stands at the name of a `send_email` binding: an object whose send() hands a message to the host.
//
// The request is a length of four octets (big endian), so many octets of JSON, and then octets as they are: the message
// itself, or the contents of attachments one after the other. Nothing is encoded here, for that would be the Worker's
// processor time.
import { EmailMessage, rawOf } from "mailwright-internal:email";

const encoder = new TextEncoder();

class SendEmail {
  #host;

  constructor(host) {
    this.#host = host;
  }

  async send(message) {
    if (message === null || typeof message !== "object") {
      throw failure("E_VALIDATION_ERROR", "send() takes a message: an object with from, to and subject, or an EmailMessage.");
    }
    const [head, ...contents] = message instanceof EmailMessage ? await ready(message) : built(message);
    const response = await this.#host.fetch("http://host/send", { method: "POST", body: framed(head, contents) });
    const answer = await response.json();
    if (answer.error) throw failure(answer.error.code, answer.error.message);
    return { messageId: answer.messageId };
  }
}

function failure(code, message) {
  const error = new Error(message);
  if (code) error.code = code;
  return error;
}

// An EmailMessage: text, octets or a stream of them.
async function ready(message) {
  const raw = new Uint8Array(await new Response(rawOf(message)).arrayBuffer());
  return [{ from: message.from, to: message.to }, raw];
}

// The builder form. Contents that are octets go after the JSON, which has their number.
function built(message) {
  const contents = [];
  const copy = { ...message };
  if (copy.headers instanceof Headers || copy.headers instanceof Map) copy.headers = Object.fromEntries(copy.headers);
  if (Array.isArray(copy.attachments)) {
    copy.attachments = copy.attachments.map((attachment, at) => {
      const octets = octetsOf(attachment, at);
      if (octets === null) return attachment;
      contents.push(octets);
      return { ...attachment, content: { octets: octets.byteLength } };
    });
  }
  return [{ message: copy }, ...contents];
}

// The content of an attachment if it is binary; null if it is base64 or missing, which is for the host to judge.
function octetsOf(attachment, at) {
  const content = attachment?.content;
  if (content instanceof ArrayBuffer) return new Uint8Array(content);
  if (ArrayBuffer.isView(content)) return new Uint8Array(content.buffer, content.byteOffset, content.byteLength);
  if (content === null || typeof content !== "object") return null;
  throw failure(
    "E_VALIDATION_ERROR",
    `'attachments[${at}].content' must be a base64 string, an ArrayBuffer or a view of one.`,
  );
}

function framed(head, contents) {
  let json;
  try {
    json = encoder.encode(JSON.stringify(head));
  } catch (error) {
    throw failure("E_VALIDATION_ERROR", `The message cannot be written as JSON: ${error.message}`);
  }
  const body = new Uint8Array(contents.reduce((sum, part) => sum + part.byteLength, 4 + json.byteLength));
  new DataView(body.buffer).setUint32(0, json.byteLength);
  body.set(json, 4);
  let end = 4 + json.byteLength;
  for (const part of contents) {
    body.set(part, end);
    end += part.byteLength;
  }
  return body;
}

export default (env) => new SendEmail(env.host);
