// Asking the API: envelopes in, results or failures out.

export interface ApiMessage {
  readonly code: number;
  readonly message: string;
  /** What is wrong, in a sentence. */
  readonly detail?: string;
  readonly error_chain?: readonly { readonly message: string }[];
}

export interface PageInfo {
  readonly count: number;
  readonly per_page: number;
  readonly cursor?: string | null;
  readonly page?: number;
  readonly total_count?: number;
  readonly total_pages?: number;
  /** Lists of activity: up to when everything is known that happened. */
  readonly complete_until?: string;
}

export interface Answer<T> {
  readonly result: T;
  readonly info: PageInfo | undefined;
  /** What a person should know besides. */
  readonly notes: readonly string[];
}

interface Envelope<T> {
  readonly success: boolean;
  readonly errors: readonly ApiMessage[];
  readonly messages?: readonly string[];
  readonly result: T;
  readonly result_info?: PageInfo;
}

/** What the API refused, or that it was not reached (status 0). */
export class ApiFailure extends Error {
  constructor(
    readonly status: number,
    readonly errors: readonly ApiMessage[],
  ) {
    super(errors.map(sentence).join(" ") || `The server answered ${status}.`);
  }
}

function sentence({ message, detail, error_chain }: ApiMessage): string {
  return detail ?? error_chain?.at(-1)?.message ?? message;
}

export type Query = Readonly<Record<string, string | number | boolean | undefined | null>>;

export interface Options {
  readonly query?: Query;
  readonly signal?: AbortSignal;
}

/** Routes that are not of the API's version. */
const OUTSIDE = /^\/(session|cdn-cgi)\b/;

/** The path with its query; what is undefined, null or empty is left out. */
export function url(path: string, query: Query = {}): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== "") params.set(name, String(value));
  }
  const text = params.toString();
  return `${OUTSIDE.test(path) ? "" : "/client/v4"}${path}${text && `?${text}`}`;
}

/** Told once when the server no longer knows us. */
let onSignedOut: () => void = () => undefined;
export function whenSignedOut(act: () => void): void {
  onSignedOut = act;
}

async function ask<T>(method: string, path: string, { query, signal }: Options, body?: unknown): Promise<Answer<T>> {
  const init: RequestInit = { method, credentials: "same-origin", headers: { Accept: "application/json" } };
  if (signal) init.signal = signal;
  if (body !== undefined) {
    const isRaw = body instanceof Blob;
    init.headers = { ...init.headers, "Content-Type": isRaw ? body.type : "application/json" };
    init.body = isRaw ? body : JSON.stringify(body);
  }
  const response = await reach(url(path, query), init);
  const envelope = await read<T>(response);
  if (response.status === 401 && !path.startsWith("/session")) onSignedOut();
  if (!response.ok || !envelope?.success) throw new ApiFailure(response.status, envelope?.errors ?? []);
  return { result: envelope.result, info: envelope.result_info, notes: envelope.messages ?? [] };
}

async function reach(address: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(address, init);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiFailure(0, [{ code: 0, message: "The server cannot be reached. It may be restarting." }]);
  }
}

async function read<T>(response: Response): Promise<Envelope<T> | undefined> {
  try {
    return (await response.json()) as Envelope<T>;
  } catch {
    return undefined;
  }
}

export const get = <T>(path: string, options: Options = {}) => ask<T>("GET", path, options);
export const post = <T>(path: string, body: unknown = {}, options: Options = {}) => ask<T>("POST", path, options, body);
export const put = <T>(path: string, body: unknown, options: Options = {}) => ask<T>("PUT", path, options, body);
export const patch = <T>(path: string, body: unknown, options: Options = {}) => ask<T>("PATCH", path, options, body);
export const remove = <T>(path: string, options: Options = {}) => ask<T>("DELETE", path, options);

/** What a path has that answers in no envelope, as text up to `most` octets, and whether there is more. */
export async function text(path: string, most: number, { query, signal }: Options = {}): Promise<{ text: string; isCut: boolean }> {
  const response = await reach(url(path, query), { credentials: "same-origin", ...(signal && { signal }) });
  if (!response.ok) throw new ApiFailure(response.status, (await read(response))?.errors ?? []);
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let found = "";
  for (let octets = 0; reader; ) {
    const { done, value } = await reader.read();
    if (done) break;
    octets += value.length;
    found += decoder.decode(value.subarray(0, value.length - Math.max(0, octets - most)), { stream: true });
    if (octets > most) {
      await reader.cancel();
      return { text: found, isCut: true };
    }
  }
  return { text: found + decoder.decode(), isCut: false };
}

/** Every page of a list that is numbered, up to `most` objects. */
export async function all<T>(path: string, options: Options = {}, most = 5_000): Promise<T[]> {
  const found: T[] = [];
  for (let page = 1; found.length < most; page += 1) {
    const { result, info } = await get<T[]>(path, { ...options, query: { ...options.query, page, per_page: 1_000 } });
    found.push(...result);
    if (page >= (info?.total_pages ?? 1)) break;
  }
  return found;
}

/** Part of a path: whatever stands in it is a name, never a way. */
export const part = encodeURIComponent;
