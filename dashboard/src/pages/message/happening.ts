// What happened, in a few words.

import { classText } from "../../client/activity";
import type { Happening } from "../../client/types/activity";
import { duration } from "../../kit/format";
import type { Tone } from "../../kit/show";

const KINDS: Readonly<Record<string, readonly [Tone, string]>> = {
  accepted: ["info", "Accepted"],
  addressed: ["muted", "More recipients"],
  expired: ["bad", "Given up"],
  cancelled: ["muted", "Cancelled"],
  rerouted: ["info", "Sent another way"],
  report_sent: ["info", "Report sent"],
  suppressed: ["warn", "Left out"],
  rejected: ["warn", "Rejected"],
  failed: ["bad", "Not sent"],
  dropped: ["muted", "Dropped"],
  processed: ["good", "Processed"],
  ran: ["info", "Worker ran"],
  held: ["info", "Waits for its Worker"],
  released: ["good", "Its Worker had it"],
  late_bounce: ["bad", "Came back"],
  complaint: ["bad", "Complaint"],
  unsubscribed: ["warn", "Unsubscribed"],
};

const VERDICTS: Readonly<Record<string, readonly [Tone, string]>> = {
  delivered: ["good", "Delivered"],
  deferred: ["warn", "Put off"],
  bounced: ["bad", "Refused"],
};

/** How it is to be taken, and its name. */
export function named({ event, verdict, status }: Pick<Happening, "event" | "verdict" | "status">): readonly [Tone, string] {
  if (status === "forwarded") return ["good", "Forwarded"];
  return (verdict && VERDICTS[verdict]) || KINDS[event] || ["muted", event];
}

/** Where an attempt was made, how long it took, and what its failure is called. */
export function attempted({ attempt, host, address, duration_ms, class: name }: Happening): string {
  const place = host && address && host !== address ? `${host} [${address}]` : (host ?? address);
  const parts = [
    `Attempt ${attempt}`,
    place && ` at ${place}`,
    duration_ms !== undefined && ` took ${duration_ms < 1 ? "less than 1 ms" : duration(duration_ms)}`,
    name && `: ${classText(name)}`,
  ];
  return `${parts.filter(Boolean).join("")}.`;
}

/** The first line is a sentence; what follows is what a program said. */
export function split(text: string): { readonly sentence: string; readonly lines: readonly string[] } {
  const [sentence = "", ...lines] = text.split("\n");
  return { sentence, lines };
}

/** Whether it is about this recipient: some is about all. */
export function isAbout({ recipients, to }: Happening, address: string): boolean {
  const named = [...(recipients ?? []), ...(to ?? [])];
  return named.length === 0 || named.includes(address);
}

/** Events in order; attempts that went like the one before and the one after are told together. */
export type Told = { readonly event: Happening } | { readonly alike: readonly Happening[] };

/** So few in a row are told one by one. */
const FEW = 4;

export function folded(events: readonly Happening[]): readonly Told[] {
  const runs: Happening[][] = [];
  for (const event of events) {
    const run = runs.at(-1);
    if (run?.[0] && isAlike(run[0], event)) run.push(event);
    else runs.push([event]);
  }
  return runs.flatMap((run): Told[] => {
    if (run.length <= FEW) return run.map((event) => ({ event }));
    const [first, last] = [run[0], run.at(-1)];
    return first && last ? [{ event: first }, { alike: run.slice(1, -1) }, { event: last }] : [];
  });
}

function isAlike(one: Happening, other: Happening): boolean {
  const key = ({ event, verdict, class: name, host, recipients }: Happening) => [event, verdict, name, host, ...(recipients ?? [])].join();
  return one.verdict === "deferred" && key(one) === key(other);
}
