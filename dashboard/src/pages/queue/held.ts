// What holds mail, in words.

import type { Account } from "../../client/types/core";
import type { Held, Suspension } from "../../client/types/delivery";
import type { Tone } from "../../kit/show";

/** What a reason means, in a word or two. */
const REASONS: Readonly<Record<string, readonly [Tone, string]>> = {
  suspension: ["warn", "Suspended"],
  dns: ["bad", "No DNS answer"],
  source: ["warn", "No source"],
  site: ["bad", "Not reached"],
  policy: ["bad", "TLS policy"],
  storage: ["bad", "Own disk"],
  breaker: ["bad", "Counts as dead"],
  rule: ["warn", "Slowed by a rule"],
  rate: ["info", "At its rate"],
  concurrency: ["info", "Connections busy"],
  retry: ["warn", "Waits to retry"],
  schedule: ["info", "Scheduled"],
  turn: ["muted", "Waits its turn"],
  in_flight: ["good", "In flight"],
};

export function reasonOf(reason: string): readonly [Tone, string] {
  return REASONS[reason] ?? ["muted", reason];
}

/** Whether a reason is one that somebody may want to do something about. */
export function isTrouble(reason: string): boolean {
  return ["bad", "warn"].includes(reasonOf(reason)[0]) && reason !== "retry";
}

/** A suspension as something that holds mail. */
export function asHeld({ by, reason, until }: Suspension): Held {
  return { reason: "suspension", detail: `suspended by ${by}${reason && `: ${reason}`}`, until };
}

/** The suspension of a scope, as `domain:example.com`. */
export function suspensionOf(scope: string, suspensions: readonly Suspension[]): Suspension | undefined {
  return suspensions.find((suspension) => suspension.scope === scope);
}

/** When mail is tried next: when it is due, unless what holds it lasts longer. Undefined: when somebody resumes it. */
export function nextAttempt(due: string, { reason, until }: Held): string | undefined {
  if (reason === "suspension" && until === null) return undefined;
  return until !== null && new Date(until) > new Date(due) ? until : due;
}

const KINDS: Readonly<Record<string, string>> = { domain: "", site: "site ", source: "source ", tenant: "account " };

/** What is suspended, for people: `tenant:…` is the account of that id. */
export function scopeName(scope: string, accounts: readonly Account[]): string {
  const [kind = "", ...rest] = scope.split(":");
  const name = rest.join(":");
  const account = kind === "tenant" ? accounts.find(({ id }) => id === name) : undefined;
  return `${KINDS[kind] ?? `${kind} `}${account?.name ?? name}`;
}

/** A length of time as the API reads it, or undefined for what is none: "2h", "90 min", "1d". */
export function lengthOf(text: string): string | undefined {
  const said = text.trim();
  return /^(\d+\s*(s|sec|m|min|h|hr|d|day|days|hours?|minutes?|w|weeks?)\s*)+$/.test(said) ? said : undefined;
}
