// Where the activity log is, by whose mail and which way it goes.

import { part } from "./http";
import type { Direction } from "./types/activity";

export interface Whose {
  readonly direction: Direction;
  /** Undefined for the mail of everybody, which operators may see. */
  readonly account: string | undefined;
  /** A zone of the account. */
  readonly zone?: string | undefined;
}

/** The path of the messages; `/{id}`, `/{id}/timeline` and `/stream` follow it. */
export function messagesPath({ direction, account, zone }: Whose): string {
  if (!account) return direction === "sending" ? "/delivery/messages" : "/delivery/routing/messages";
  if (direction === "routing" && zone) return `/zones/${part(zone)}/email/routing/messages`;
  return `/accounts/${part(account)}/email/${direction}/messages`;
}

/** Statuses that recipients of mail may have, the best first. */
export const STATUSES: Readonly<Record<Direction, readonly string[]>> = {
  sending: ["delivered", "sent", "deliveryFailed", "rejected", "failed"],
  routing: ["forwarded", "processed", "sent", "dropped", "rejected", "deliveryFailed"],
};

/** Classes of failures. */
export const CLASSES = [
  "no_such_mailbox",
  "no_such_domain",
  "mailbox_full",
  "mailbox_disabled",
  "policy",
  "spam_content",
  "blocklisted",
  "authentication_failed",
  "rate_limited",
  "greylisted",
  "message_too_big",
  "relay_denied",
  "tls",
  "dns",
  "connection",
  "protocol",
  "other",
] as const;

/** A class for people: "no such mailbox"; what is written in capitals stays so. */
export function classText(name: string): string {
  return ["tls", "dns"].includes(name) ? name.toUpperCase() : name.replaceAll("_", " ");
}
