import { part } from "../../client/http";

const ALL = "/delivery/sandbox/messages";

/** Where the sandbox's messages are, and one of them. */
export function inboxPath(id?: string): string {
  return id === undefined ? ALL : `${ALL}/${part(id)}`;
}

/** The name of a message in our queue, which its envelope sender has: `b-0660c560ec357d-0-…@…`. */
export function queueIdOf(mailFrom: string): string | undefined {
  return /^b-([0-9a-f]{14})-/.exec(mailFrom)?.[1];
}
