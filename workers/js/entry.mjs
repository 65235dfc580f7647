// The main module of every Worker: hands on what its author exports, and turns a message that comes in by our own
// socket into a call of `email()`.
//
// What it answers says what the code asked for. Nothing of that is done yet: whoever reads the answer checks it, and does
// all of it or nothing. So the answer waits until the handler, all that it passed to `waitUntil()` and every action
// that it began have ended.

import * as user from "%MAIN%";
import { env as importable } from "cloudflare:workers";
export * from "%MAIN%";
export default user.default;

const MAX_FORWARDS = 100;
const MAX_ERROR_TEXT = 8192;
const HOST = "%HOST%";

// The way to the host, out of sight of the code's `env`. It could do no more with it than what `message` offers.
let host = take(importable);

function take(env) {
  const found = env?.[HOST];
  if (found) delete env[HOST];
  return found;
}

// Errors of actions, by the message that they belong to: one that nobody catches undoes the message.
const refusals = new WeakMap();

addEventListener("unhandledrejection", (event) => {
  refusals.get(Object(event.reason))?.fail(event.reason);
});

class Actions {
  #host;
  #token;
  #under = new Set();
  #refused = false;
  forwards = [];
  reject = undefined;
  over = false;
  failure = undefined;

  constructor(host, token) {
    this.#host = host;
    this.#token = token;
  }

  fail(error) {
    this.failure ??= { error };
  }

  refusal(message, code, Kind = Error) {
    const error = new Kind(message);
    if (code) error.code = code;
    refusals.set(error, this);
    this.#refused = true;
    return error;
  }

  check(name) {
    if (this.over) throw new Error(`${name}() came after the event was over: await it, or pass it to ctx.waitUntil()`);
  }

  // The answer waits for it, whether the code does or not. What is returned is another promise, so that a rejection of
  // it that nobody handles is told as such.
  begin(promise) {
    const settled = promise.then(() => {}, () => {});
    this.#under.add(settled);
    settled.then(() => this.#under.delete(settled));
    return promise.then(() => {});
  }

  async settle() {
    while (this.#under.size) await Promise.all(this.#under);
    if (this.#refused) await scheduler.wait(0);
    this.over = true;
  }

  waitUntil(promise) {
    const refused = (error) => {
      if (refusals.get(Object(error)) === this) this.fail(error);
    };
    this.begin(Promise.resolve(promise).catch(refused));
  }

  async ask(path, body) {
    const response = await this.#host.fetch(`http://host${path}`, {
      method: "POST",
      headers: { "mw-event": this.#token },
      body,
    });
    const { error } = await response.json();
    if (error) throw this.refusal(error.message, error.code);
  }
}

class ForwardableEmailMessage {
  #head;
  #bytes;
  #actions;
  #headers;
  #raw;

  constructor(head, bytes, actions) {
    this.#head = head;
    this.#bytes = bytes;
    this.#actions = actions;
  }

  get from() {
    return this.#head.from;
  }

  get to() {
    return this.#head.to;
  }

  get headers() {
    return (this.#headers ??= headersOf(this.#head.headers));
  }

  get raw() {
    return (this.#raw ??= new Response(this.#bytes).body);
  }

  get rawSize() {
    return this.#bytes.byteLength;
  }

  get canBeForwarded() {
    return this.#head.canBeForwarded;
  }

  setReject(reason) {
    this.#actions.check("setReject");
    this.#actions.reject = String(reason);
  }

  forward(rcptTo, headers) {
    return this.#actions.begin(this.#forward(rcptTo, headers));
  }

  async #forward(rcptTo, headers) {
    const actions = this.#actions;
    actions.check("forward");
    if (typeof rcptTo !== "string" || rcptTo === "") {
      throw actions.refusal("forward() takes an address as its first argument", undefined, TypeError);
    }
    const fields = headers ? [...new Headers(headers)] : [];
    for (const [name] of fields) {
      if (!name.startsWith("x-")) {
        throw actions.refusal(`forward() adds only header fields that begin with X-; it was given ${name}`);
      }
    }
    if (actions.forwards.length >= MAX_FORWARDS) {
      throw actions.refusal(`forward() was called more than ${MAX_FORWARDS} times`);
    }
    const forward = { to: rcptTo, headers: fields, ok: this.#head.destinations.includes(rcptTo) };
    actions.forwards.push(forward);
    if (!forward.ok) {
      await actions.ask("/may-forward", rcptTo);
      forward.ok = true;
    }
  }

  reply(message) {
    return this.#actions.begin(this.#reply(message));
  }

  async #reply(message) {
    const actions = this.#actions;
    actions.check("reply");
    const { from, to, raw } = message ?? {};
    if (typeof from !== "string" || typeof to !== "string" || raw === undefined || raw === null) {
      throw actions.refusal("reply() takes an EmailMessage of cloudflare:email", undefined, TypeError);
    }
    const content = new Uint8Array(await new Response(raw).arrayBuffer());
    await actions.ask("/reply", frame({ from, to }, content));
  }
}

// A list of pairs, several of a name among them. What cannot be a value of HTTP is left out.
function headersOf(pairs) {
  try {
    return new Headers(pairs);
  } catch {
    const headers = new Headers();
    for (const [name, value] of pairs) {
      try {
        headers.append(name, value);
      } catch {}
    }
    return headers;
  }
}

function frame(head, content) {
  const text = new TextEncoder().encode(JSON.stringify(head));
  const whole = new Uint8Array(4 + text.byteLength + content.byteLength);
  new DataView(whole.buffer).setUint32(0, text.byteLength);
  whole.set(text, 4);
  whole.set(content, 4 + text.byteLength);
  return whole;
}

function unframe(whole) {
  const length = new DataView(whole).getUint32(0);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(whole, 4, length)));
  return [head, new Uint8Array(whole, 4 + length)];
}

// An exception can be anything, with getters that throw.
function told(error) {
  const text = (read) => {
    try {
      const value = read();
      return value === undefined ? undefined : String(value).slice(0, MAX_ERROR_TEXT);
    } catch {
      return undefined;
    }
  };
  if (typeof error !== "object" || error === null) return { name: "", message: text(() => error) ?? "" };
  return {
    name: text(() => error.name) ?? "",
    message: text(() => error.message) ?? text(() => error) ?? "",
    stack: text(() => error.stack),
  };
}

// The handler, bound to what it belongs to, or nothing.
function handler(name, env, ctx) {
  const exported = user.default;
  if (typeof exported === "function") {
    const instance = new exported(ctx, env);
    return typeof instance[name] === "function" ? (message) => instance[name](message) : undefined;
  }
  return typeof exported?.[name] === "function" ? (message) => exported[name](message, env, ctx) : undefined;
}

async function email(request, env, ctx) {
  const actions = new Actions((host ??= take(env)), request.headers.get("mw-event"));
  const native = ctx.waitUntil.bind(ctx);
  Object.defineProperty(ctx, "waitUntil", {
    value: (promise) => {
      actions.waitUntil(promise);
      native(promise);
    },
  });
  const [head, bytes] = unframe(await request.arrayBuffer());
  const message = new ForwardableEmailMessage(head, bytes, actions);
  try {
    const handle = handler("email", env, ctx);
    if (!handle) return Response.json({ noHandler: true });
    await handle(message);
  } catch (error) {
    actions.fail(error);
  }
  await actions.settle();
  if (actions.failure) return Response.json({ error: told(actions.failure.error) });
  const forwards = actions.forwards.filter(({ ok }) => ok).map(({ to, headers }) => ({ to, headers }));
  return Response.json({ forwards, reject: actions.reject });
}

function handlers() {
  const exported = user.default;
  const found = typeof exported === "function" ? exported.prototype : exported;
  return ["email", "fetch", "queue"].filter((name) => typeof found?.[name] === "function");
}

export const mailwrightEvents = {
  async fetch(request, env, ctx) {
    return request.method === "POST" ? email(request, env, ctx) : Response.json({ handlers: handlers() });
  },
};
