// A message as it was composed, for `send()` and `reply()`: what `cloudflare:email` hands on.

export class EmailMessage {
  constructor(from, to, raw) {
    if (typeof from !== "string" || typeof to !== "string") {
      throw new TypeError("EmailMessage takes two addresses, from and to, as strings, and the message");
    }
    if (raw === undefined || raw === null) {
      throw new TypeError("EmailMessage takes the whole message as its third argument: a string or a ReadableStream");
    }
    this.from = from;
    this.to = to;
    this.raw = raw;
  }
}

export const rawOf = (message) => message.raw;
