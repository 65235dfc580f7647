import { part } from "../../client/http";

const ALL = "/delivery/sandbox/messages";

/** Where the sandbox's messages are, and one of them. */
export function inboxPath(id?: string): string {
  return id === undefined ? ALL : `${ALL}/${part(id)}`;
}

/** Who wrote it, in short: the name before an address, or the address. */
export function authorOf(from: string): string {
  const [, name = "", address = ""] = /^\s*(.*?)\s*<([^<>]*)>\s*$/.exec(from) ?? [];
  const bare = name.replace(/^"(.*)"$/, "$1").replace(/\\(.)/g, "$1");
  return bare || address || from;
}

/** The name of a message in our queue, which its envelope sender has: `b-0660c560ec357d-0-…@…`. */
export function queueIdOf(mailFrom: string): string | undefined {
  return /^b-([0-9a-f]{14})-/.exec(mailFrom)?.[1];
}
