// Tells the host what the Worker wrote and threw. It gathers for a moment, and says nothing of events that have nothing
// to say.

const PAUSE_MS = 20;
const MAX_LOG_OCTETS = 262144;
const MAX_POST_OCTETS = 3145728;

let waiting = [];
let octets = 0;
let lost = 0;
let flushing = false;

function summary({ event, outcome, logs, exceptions, truncated }) {
  let left = MAX_LOG_OCTETS;
  let cut = truncated === true;
  const lines = [];
  for (const { level, timestamp, message } of logs) {
    let text;
    try {
      text = JSON.stringify(message) ?? "[]";
    } catch {
      text = "[]";
    }
    left -= text.length + 32;
    if (left < 0) {
      cut = true;
      break;
    }
    lines.push([level, timestamp, message]);
  }
  const thrown = exceptions.slice(0, 16).map(({ name, message }) => [clip(name), clip(message)]);
  const request = event?.request?.getUnredacted?.() ?? event?.request;
  return {
    run: request?.headers?.["mw-event"],
    queue: event?.queue,
    size: event?.batchSize,
    status: event?.response?.status,
    outcome,
    logs: lines,
    exceptions: thrown,
    truncated: cut,
  };
}

const clip = (text) => String(text).slice(0, 8192);

async function flush(env) {
  while (waiting.length) {
    await scheduler.wait(PAUSE_MS);
    const body = `{"lost":${lost},"runs":[${waiting.join(",")}]}`;
    waiting = [];
    octets = 0;
    lost = 0;
    await env.HOST.fetch("http://host/", { method: "POST", body });
  }
}

export default {
  async tail(items, env) {
    for (const item of items) {
      if (!item.logs.length && !item.exceptions.length && item.outcome === "ok") continue;
      const text = JSON.stringify(summary(item));
      if (octets + text.length > MAX_POST_OCTETS) {
        lost += 1;
        continue;
      }
      octets += text.length;
      waiting.push(text);
    }
    if (flushing || !waiting.length) return;
    flushing = true;
    try {
      await flush(env);
    } finally {
      flushing = false;
    }
  },
};
