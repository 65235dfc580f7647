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

// What a point may have, as the host keeps it.
const LIMITS = { indexes: 4, blobs: 20, doubles: 20 };
const BLOB_OCTETS = 16384;
const INDEX_OCTETS = 96;

function pointOf(point) {
  const { indexes = [], blobs = [], doubles = [] } = point ?? {};
  for (const [name, list] of Object.entries({ indexes, blobs, doubles })) {
    if (!Array.isArray(list)) throw new TypeError(`writeDataPoint(): '${name}' must be a list.`);
    if (list.length > LIMITS[name]) throw new TypeError(`writeDataPoint(): at most ${LIMITS[name]} ${name} are possible.`);
  }
  const entry = { indexes: indexes.map((index) => String(index ?? "")), blobs: blobs.map(blob), doubles: doubles.map(number) };
  if (entry.indexes.some((index) => encoder.encode(index).byteLength > INDEX_OCTETS)) {
    throw new TypeError(`writeDataPoint(): an index has at most ${INDEX_OCTETS} octets.`);
  }
  if (entry.blobs.reduce((sum, value) => sum + size(value), 0) > BLOB_OCTETS) {
    throw new TypeError(`writeDataPoint(): the blobs of a point have at most ${BLOB_OCTETS} octets.`);
  }
  return entry;
}

const encoder = new TextEncoder();

const size = (value) => (typeof value === "string" ? encoder.encode(value).byteLength : (value?.base64.length ?? 0) * 0.75);

// A text, octets, or nothing in its place.
function blob(value) {
  if (value === null || value === undefined) return null;
  if (value instanceof ArrayBuffer) return { base64: new Uint8Array(value).toBase64() };
  if (ArrayBuffer.isView(value)) {
    return { base64: new Uint8Array(value.buffer, value.byteOffset, value.byteLength).toBase64() };
  }
  return String(value);
}

// JSON knows no other numbers than finite ones.
function number(value) {
  const double = Number(value);
  return Number.isFinite(double) ? double : 0;
}

export default (env) => new AnalyticsEngineDataset(env.host);
