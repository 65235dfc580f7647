// Orders of operators, and what is said when they were carried out.

import { post, remove } from "../../client/http";
import type { OrderResult } from "../../client/types/delivery";
import { count, counted } from "../../kit/format";
import { bodiesOf, type Target } from "./filter";

export type OrderKind = "retry" | "cancel" | "reroute";

/** An order somebody is about to give. */
export type Wanted =
  | { readonly kind: OrderKind; readonly target: Target }
  | { readonly kind: "suspend"; readonly scope?: string }
  | { readonly kind: "resume"; readonly scope: string };

/** Gives an order about each part of a target, one after the other, and adds up what was done. */
export async function order(kind: OrderKind, target: Target, more: Readonly<Record<string, unknown>> = {}): Promise<OrderResult> {
  const total = { changed: 0, in_flight: 0 };
  for (const body of bodiesOf(target)) {
    const { result } = await post<OrderResult>(`/delivery/queue/${kind}`, { ...body, ...more });
    total.changed += result.changed;
    total.in_flight += result.in_flight;
  }
  return total;
}

const DONE: Record<OrderKind, string> = {
  retry: "to be tried now",
  cancel: "cancelled",
  reroute: "rerouted",
};

/** What an order did, as a sentence. */
export function done(kind: OrderKind, { changed, in_flight }: OrderResult): string {
  const left = in_flight > 0 ? ` ${count(in_flight)} left alone: being delivered at that moment.` : "";
  return `${counted(changed, "entry", "entries")} ${DONE[kind]}.${left}`;
}

export async function suspend(scope: string, length: string | undefined, reason: string): Promise<void> {
  await post("/delivery/suspensions", { scope, reason, ...(length && { for: length }) });
}

export async function resume(scope: string): Promise<void> {
  await remove("/delivery/suspensions", { query: { scope } });
}
