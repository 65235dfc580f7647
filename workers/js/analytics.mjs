// What stands at the name of an `analytics_engine_datasets` binding.
import workers from "cloudflare-internal:workers";

// Most points of one request to the host.
const MOST = 250;

class AnalyticsEngineDataset {
  #host;
  #points = [];

  constructor(host) {
    this.#host = host;
  }

  // Points that are written in one go travel together. The caller does not wait, and never learns of the network.
  writeDataPoint(point) {
    const entry = pointOf(point);
    if (this.#points.push(entry) === 1) workers.waitUntil(Promise.resolve().then(() => this.#send()));
    if (this.#points.length >= MOST) workers.waitUntil(this.#send());
  }

  async #send() {
    const points = this.#points;
    if (points.length === 0) return;
    this.#points = [];
    try {
      const response = await this.#host.fetch("http://host/points", { method: "POST", body: JSON.stringify(points) });
      await response.body?.cancel();
    } catch {
      // A lost point is no reason for a Worker to fail.
    }
  }
}

function pointOf(point) {
  const { indexes = [], blobs = [], doubles = [] } = point ?? {};
  for (const [name, list] of Object.entries({ indexes, blobs, doubles })) {
    if (!Array.isArray(list)) throw new TypeError(`writeDataPoint(): '${name}' must be a list.`);
  }
  const text = (value) => (value === null || value === undefined ? "" : textOf(value));
  return { indexes: indexes.map(text), blobs: blobs.map(text), doubles: doubles.map(number) };
}

// JSON knows no other numbers than finite ones.
function number(value) {
  const double = Number(value);
  return Number.isFinite(double) ? double : 0;
}

// Blobs may be given as octets.
function textOf(value) {
  const isOctets = value instanceof ArrayBuffer || ArrayBuffer.isView(value);
  return isOctets ? new TextDecoder().decode(value) : String(value);
}

export default (env) => new AnalyticsEngineDataset(env.host);
