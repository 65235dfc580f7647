// How an endpoint is, in words.

import type { Webhook, WebhookAttempt } from "../../client/types/webhooks";
import type { Tone } from "../../kit/show";

export type Health = readonly [Tone, string];

/** What an endpoint is told of: names, and what each means. */
export const EVENTS: readonly (readonly [name: string, means: string])[] = [
  ["message.accepted", "The message is queued: we took responsibility"],
  ["message.delivered", "The recipient's server took the message"],
  ["message.deferred", "An attempt was in vain; there will be another"],
  ["message.bounced", "The recipient is given up"],
  ["message.complained", "The recipient complained"],
  ["message.suppressed", "The recipient is on the suppression list, and was not written to"],
  ["message.unsubscribed", "The recipient unsubscribed"],
];

export function healthOf({ enabled, failing_since, waiting_events }: Webhook): Health {
  if (!enabled) return ["muted", "Paused"];
  if (failing_since) return ["bad", "Failing"];
  return waiting_events > 0 ? ["info", "Behind"] : ["good", "Working"];
}

/** What came of a call. */
export function outcomeOf({ delivered, status }: WebhookAttempt): Health {
  if (delivered) return ["good", String(status ?? "Taken")];
  return ["bad", status === null ? "No answer" : String(status)];
}

/** The share of calls that were taken; undefined where there were none. */
export function takenShare(attempts: readonly WebhookAttempt[]): number | undefined {
  if (attempts.length === 0) return undefined;
  return attempts.filter(({ delivered }) => delivered).length / attempts.length;
}
