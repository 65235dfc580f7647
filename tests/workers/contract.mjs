// Does what the field X-Case of a message asks for and keeps what came of it in the namespace RESULTS, by the name of the case.
import { EmailMessage } from "cloudflare:email";

const sleep = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

/** What a call throws, as something that can be kept. */
async function thrown(call) {
  try {
    return { returned: (await call()) ?? null };
  } catch (error) {
    return { name: error?.name, code: error?.code, message: String(error?.message ?? error) };
  }
}

/** An answer to `message`, with fields changed as `change` says. */
function answer(message, change = {}) {
  const { from = message.to, to = message.from, author = from, subject = "Answer", more = "" } = change;
  const answered = "inReplyTo" in change ? change.inReplyTo : message.headers.get("message-id");
  const thread = answered ? `In-Reply-To: ${answered}\r\n` : "";
  const raw = `From: <${author}>\r\nTo: <${to}>\r\nSubject: ${subject}\r\nMessage-ID: <${crypto.randomUUID()}@example.com>\r\n${thread}${more}\r\nThank you.\r\n`;
  return new EmailMessage(from, to, raw);
}

const letter = { from: "shop@example.com", to: "ann@example.net", subject: "From a Worker", text: "Hello." };
let earlier;

const cases = {
  async facts(message) {
    const bytes = new Uint8Array(await new Response(message.raw).arrayBuffer());
    return {
      from: message.from,
      to: message.to,
      rawSize: message.rawSize,
      canBeForwarded: message.canBeForwarded,
      subject: message.headers.get("Subject"),
      several: message.headers.get("x-several"),
      unicode: message.headers.get("x-unicode"),
      folded: message.headers.get("x-folded"),
      isHeaders: message.headers instanceof Headers,
      names: [...message.headers.keys()],
      length: bytes.length,
      head: new TextDecoder().decode(bytes.slice(0, 2000)),
    };
  },
  async readonly(message) {
    const before = [message.from, message.to, message.rawSize, message.canBeForwarded];
    for (const name of ["from", "to", "rawSize", "canBeForwarded", "raw", "headers"]) {
      try {
        message[name] = "changed";
      } catch {
        // A class in strict mode says so; either way nothing changes.
      }
    }
    return [message.from, message.to, message.rawSize, message.canBeForwarded].every((now, at) => now === before[at]);
  },
  async "raw-twice"(message) {
    const first = (await new Response(message.raw).text()).length;
    return { first, second: await thrown(() => new Response(message.raw).text()) };
  },
  async "raw-in-pieces"(message) {
    const reader = message.raw.getReader();
    let octets = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return { octets, isBytes: true };
      if (!(value instanceof Uint8Array)) return { isBytes: false };
      octets += value.length;
    }
  },
  async "raw-unread"(message) {
    await message.forward("team@box.example");
  },
  async reject(message) {
    message.setReject("no\r\n250 2.0.0 accepted\r\nthank \u{e4} you");
  },
  async "reject-long"(message) {
    message.setReject("long ".repeat(10_000));
  },
  async "reject-nothing"(message) {
    return thrown(async () => message.setReject());
  },
  async unverified(message) {
    return thrown(() => message.forward("stranger@elsewhere.example"));
  },
  async "forward-nonsense"(message) {
    const wrong = [undefined, null, 7, "", "no address", "a@b@c", "a@box.example\r\nRCPT TO:<b@box.example>"];
    const all = [];
    for (const to of wrong) all.push(await thrown(() => message.forward(to)));
    return all;
  },
  async "forward-fields"(message) {
    const all = {};
    for (const name of ["Subject", "Bcc", "DKIM-Signature", "Return-Path"]) {
      all[name] = await thrown(() => message.forward("team@box.example", new Headers({ [name]: "x" })));
    }
    return all;
  },
  async "forward-with-fields"(message) {
    const headers = new Headers({ "X-Empty": "", "X-One": "1" });
    headers.append("X-Two", "a");
    headers.append("X-Two", "b");
    headers.set("X-Umlaut", encodeURIComponent("\u{fc}"));
    await message.forward("team@box.example", headers);
  },
  async "forward-plain-object"(message) {
    return thrown(() => message.forward("team@box.example", { "X-Plain": "object" }));
  },
  async "forward-twice"(message) {
    await message.forward("team@box.example");
    await message.forward("TEAM@box.example");
    await message.forward("other@box.example");
  },
  async "forward-later"(message, env, ctx) {
    ctx.waitUntil(sleep(200).then(() => message.forward("later@box.example")));
  },
  async "forward-unawaited"(message) {
    message.forward("team@box.example");
  },
  async "reject-and-forward"(message) {
    await message.forward("team@box.example");
    message.setReject("changed my mind");
  },
  async "wait-until"(message, env, ctx) {
    ctx.waitUntil(sleep(300).then(() => env.RESULTS.put("waited", JSON.stringify(true))));
  },
  async "wait-until-throws"(message, env, ctx) {
    await message.forward("team@box.example");
    ctx.waitUntil(Promise.reject(new Error("too late to matter")));
  },
  async throws(message) {
    await message.forward("team@box.example");
    await message.reply(answer(message));
    throw new RangeError("boom from the Worker");
  },
  async "throws-nothing"() {
    throw null;
  },
  async keep(message) {
    earlier = message;
  },
  async "use-earlier"() {
    return {
      forward: await thrown(() => earlier.forward("team@box.example")),
      reject: await thrown(async () => earlier.setReject("late")),
      reply: await thrown(() => earlier.reply(answer(earlier))),
    };
  },

  async "reply"(message) {
    return thrown(() => message.reply(answer(message)));
  },
  async "reply-twice"(message) {
    const first = await thrown(() => message.reply(answer(message, { subject: "First" })));
    return { first, second: await thrown(() => message.reply(answer(message, { subject: "Second" }))) };
  },
  "reply-elsewhere": (message) => thrown(() => message.reply(answer(message, { to: "ann@example.net" }))),
  "reply-as-another": (message) => thrown(() => message.reply(answer(message, { from: "info@other.test" }))),
  "reply-forged": (message) => thrown(() => message.reply(answer(message, { author: "ceo@bank.example" }))),
  "reply-to-nothing": (message) => thrown(() => message.reply(answer(message, { inReplyTo: null }))),
  "reply-to-another": (message) => thrown(() => message.reply(answer(message, { inReplyTo: "<other@example.net>" }))),
  "reply-no-message": (message) => thrown(() => message.reply({ hello: "world" })),
  "reply-garbage": (message) => thrown(() => message.reply(new EmailMessage(message.to, message.from, "garbage"))),
  "reply-stream": (message) => {
    const { from, to } = answer(message);
    const raw = `From: <${from}>\nTo: <${to}>\nSubject: Streamed\nIn-Reply-To: ${message.headers.get("message-id")}\n\nBy lines.`;
    return thrown(() => message.reply(new EmailMessage(from, to, new Response(raw).body)));
  },

  async send(message, { EMAIL }) {
    const bytes = new Uint8Array([0, 1, 2, 255, 254]);
    const attach = (content, filename) => ({ content, filename, type: "application/octet-stream", disposition: "attachment" });
    return thrown(() =>
      EMAIL.send({
        ...letter,
        to: ["ann@example.net", "ben@example.net"],
        cc: "cy@example.net",
        bcc: ["dan@example.net"],
        from: { email: "shop@example.com", name: "The Sh\u{f6}p" },
        replyTo: { email: "help@example.com", name: "Help" },
        html: "<p>Hello.</p>",
        headers: { "X-Order": "7" },
        attachments: [attach(bytes.buffer, "buffer.bin"), attach(bytes.subarray(1, 4), "view.bin"), attach("AAEC//4=", "text.bin")],
      }),
    );
  },
  async "send-errors"(message, { EMAIL }) {
    const wrong = {
      nothing: undefined,
      empty: {},
      noSubject: { ...letter, subject: undefined },
      noContent: { ...letter, text: undefined },
      badAddress: { ...letter, to: "no address" },
      foreign: { ...letter, from: "a@elsewhere.example" },
      tooMany: { ...letter, to: Array.from({ length: 51 }, (_, at) => `r${at}@example.net`) },
      dateField: { ...letter, headers: { Date: "today" } },
      fromField: { ...letter, headers: { From: "a@example.com" } },
      longField: { ...letter, headers: { "X-Long": "x".repeat(2049) } },
      badField: { ...letter, headers: { "X Bad": "x" } },
      injected: { ...letter, subject: "One\r\nBcc: eve@elsewhere.example" },
      suppressed: { ...letter, to: "gone@example.net" },
      badRaw: new EmailMessage("shop@example.com", "ann@example.net", "garbage"),
      foreignRaw: new EmailMessage("a@elsewhere.example", "ann@example.net", "From: a@elsewhere.example\r\n\r\nHi"),
    };
    const said = {};
    for (const [name, mail] of Object.entries(wrong)) said[name] = await thrown(() => EMAIL.send(mail));
    return said;
  },
  async "send-raw"(message, { EMAIL }) {
    const raw = "From: shop@example.com\nTo: ann@example.net\nSubject: Raw from a Worker\n\nHello.";
    return thrown(() => EMAIL.send(new EmailMessage("shop@example.com", "ann@example.net", raw)));
  },
  async restricted(message, { FROM_SHOP, TO_ANN, TO_FRIENDS }) {
    return {
      fromShop: await thrown(() => FROM_SHOP.send({ ...letter, subject: "Allowed" })),
      fromOther: await thrown(() => FROM_SHOP.send({ ...letter, from: "other@example.com" })),
      toAnn: await thrown(() => TO_ANN.send({ ...letter, subject: "To Ann" })),
      toBen: await thrown(() => TO_ANN.send({ ...letter, to: "ben@example.net" })),
      toFriends: await thrown(() => TO_FRIENDS.send({ ...letter, to: "ben@example.net", subject: "To a friend" })),
      toStranger: await thrown(() => TO_FRIENDS.send({ ...letter, to: "eve@example.net" })),
      hiddenStranger: await thrown(() => TO_FRIENDS.send({ ...letter, to: "ben@example.net", bcc: "eve@example.net" })),
      rawStranger: await thrown(() =>
        TO_FRIENDS.send(new EmailMessage("shop@example.com", "eve@example.net", "From: shop@example.com\r\n\r\nHi")),
      ),
    };
  },

  async kv(message, { KV }) {
    await KV.put("text", "one");
    await KV.put("bytes", new Uint8Array([0, 255, 1]).buffer, { metadata: { kind: "bytes" } });
    await KV.put("stream", new Response("streamed").body, { expirationTtl: 60 });
    await KV.put("json", JSON.stringify({ a: [1, 2] }));
    await KV.put("odd/key ?&#%\u{e4}", "odd");
    await KV.put("gone", "x");
    await KV.delete("gone");
    for (let at = 0; at < 5; at++) await KV.put(`page:${at}`, "x", { metadata: { at } });
    const first = await KV.list({ prefix: "page:", limit: 3 });
    const second = await KV.list({ prefix: "page:", limit: 3, cursor: first.cursor });
    return {
      text: await KV.get("text"),
      json: await KV.get("json", "json"),
      bytes: [...new Uint8Array(await KV.get("bytes", { type: "arrayBuffer" }))],
      streamed: await new Response(await KV.get("stream", "stream")).text(),
      odd: await KV.get("odd/key ?&#%\u{e4}"),
      gone: await KV.get("gone"),
      withMetadata: await KV.getWithMetadata("page:1"),
      several: [...(await KV.get(["text", "gone", "json"]))],
      pages: [first.keys.map((key) => key.name), first.list_complete, second.keys.map((key) => key.name), second.list_complete],
      metadata: first.keys[2].metadata,
      shortTtl: await thrown(() => KV.put("x", "x", { expirationTtl: 10 })),
      longKey: await thrown(() => KV.put("k".repeat(513), "x")),
      emptyKey: await thrown(() => KV.put("", "x")),
      longMetadata: await thrown(() => KV.put("x", "x", { metadata: "m".repeat(1025) })),
      longValue: await thrown(() => KV.put("x", new Uint8Array(25 * 1024 * 1024 + 1))),
    };
  },

  async queue(message, { QUEUE }) {
    await QUEUE.send({ kind: "json", nested: [1, { two: 2 }] });
    await QUEUE.send("a text", { contentType: "text" });
    await QUEUE.send(new Uint8Array([1, 2, 3]), { contentType: "bytes" });
    await QUEUE.send(new Map([["v8", new Date(0)]]), { contentType: "v8" });
    await QUEUE.sendBatch([{ body: { kind: "batch", at: 0 } }, { body: { kind: "batch", at: 1 } }], { delaySeconds: 1 });
    await QUEUE.send({ kind: "retried" });
    await QUEUE.send({ kind: "hopeless" });
    return thrown(() => QUEUE.send("x".repeat(128 * 1024 + 1)));
  },
  async points(message, { POINTS }) {
    return { returned: POINTS.writeDataPoint({ blobs: ["a"], doubles: [1], indexes: ["i"] }) === undefined };
  },
  async outside() {
    return { internet: typeof fetch, caches: typeof caches };
  },
};

export default {
  async email(message, env, ctx) {
    const name = message.headers.get("x-case");
    const said = await cases[name](message, env, ctx);
    await env.RESULTS.put(name, JSON.stringify(said ?? null));
  },

  /** Keeps what comes; what is to be retried is, and what is hopeless always is. */
  async queue(batch, env) {
    for (const message of batch.messages) {
      const { body, attempts } = message;
      const kind = body?.kind ?? (body instanceof Map ? "v8" : body instanceof ArrayBuffer || ArrayBuffer.isView(body) ? "bytes" : "text");
      const shown = body instanceof Map ? body.get("v8").getTime() : body instanceof ArrayBuffer || ArrayBuffer.isView(body) ? [...new Uint8Array(body)] : body;
      // Texts and octets have a method of that name.
      const key = `${batch.queue}:${kind}${typeof body?.at === "number" ? body.at : ""}`;
      await env.RESULTS.put(key, JSON.stringify({ shown, attempts, id: message.id, at: message.timestamp.getTime() }));
      if (kind === "hopeless" || (kind === "retried" && attempts < 2)) message.retry();
      else message.ack();
    }
  },
};
