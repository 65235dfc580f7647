// From groups to figures.

import type { Group } from "../../client/types/analytics";
import type { Point } from "../../kit/chart/model";
import type { Step } from "../../state/window";

export interface Totals {
  readonly count: number;
  readonly byStatus: Readonly<Record<string, number>>;
  readonly complaints: number;
  readonly hardBounces: number;
}

export function totals(groups: readonly Group[]): Totals {
  const byStatus: Record<string, number> = {};
  let [count, complaints, hardBounces] = [0, 0, 0];
  for (const { count: many, dimensions, sum } of groups) {
    const status = dimensions.status ?? "";
    byStatus[status] = (byStatus[status] ?? 0) + many;
    count += many;
    complaints += sum?.complaints ?? 0;
    hardBounces += sum?.hardBounces ?? 0;
  }
  return { count, byStatus, complaints, hardBounces };
}

/** Shares, from 0 to 1; `null` where there is nothing to tell a share of. */
export interface Rates {
  /** Of those whose fate is known, how many were delivered. */
  readonly delivery: number | null;
  /** Of those whose fate is known, how many were refused for good. */
  readonly hardBounces: number | null;
  /** Of those that were delivered, how many complained. */
  readonly complaints: number | null;
}

export function rates({ byStatus, complaints, hardBounces }: Totals): Rates {
  const delivered = byStatus["delivered"] ?? 0;
  const known = delivered + (byStatus["deliveryFailed"] ?? 0);
  const share = (part: number, of: number) => (of > 0 ? part / of : null);
  return {
    delivery: share(delivered, known),
    hardBounces: share(hardBounces, known),
    complaints: share(complaints, delivered),
  };
}

export type Verdict = "within" | "beyond" | "few" | "none";

/** So few messages say nothing about health. */
const FEW = 100;

/** The thresholds of good health, as the hosted service names them. */
export const LIMITS = { delivery: 0.95, hardBounces: 0.02, complaints: 0.001 } as const;

export function verdict(name: keyof Rates, all: Totals): Verdict {
  const rate = rates(all)[name];
  if (rate === null) return "none";
  if (all.count < FEW) return "few";
  const isWell = name === "delivery" ? rate > LIMITS.delivery : rate < LIMITS[name];
  return isWell ? "within" : "beyond";
}

/** How it is against before: "up 12%", "down 3%", "as before"; nothing where that cannot be said. */
export function change(now: number | null | undefined, before: number | null | undefined): string {
  if (now === null || now === undefined || before === undefined) return "";
  if (!before) return now ? "none before" : "as before";
  const value = Math.round(Math.abs(now / before - 1) * 100);
  if (value === 0) return "as before";
  if (now < before) return `down ${value}%`;
  return value >= 1_000 ? `${Math.round(now / before)} times as much` : `up ${value}%`;
}

/** Groups by the beginning of their stretch, in milliseconds. */
export function byStretch(groups: readonly Group[], step: Step): ReadonlyMap<number, readonly Group[]> {
  const found = new Map<number, Group[]>();
  for (const group of groups) {
    const at = new Date(group.dimensions[step] ?? "").getTime();
    const there = found.get(at);
    if (there) there.push(group);
    else found.set(at, [group]);
  }
  return found;
}

/** A point for each stretch; those in which nothing happened are there, too. */
export function points(
  groups: readonly Group[],
  step: Step,
  stretches: readonly Date[],
  values: (groups: readonly Group[]) => Point["values"],
): readonly Point[] {
  const found = byStretch(groups, step);
  return stretches.map((at) => ({ at, values: values(found.get(at.getTime()) ?? []) }));
}

/** Counts of groups by a name that each of them has, the greatest first. */
export function ranked(
  groups: readonly Group[],
  nameOf: (group: Group) => string | undefined,
): readonly { readonly name: string; readonly all: Totals }[] {
  const found = new Map<string, Group[]>();
  for (const group of groups) {
    const name = nameOf(group);
    if (name === undefined) continue;
    const there = found.get(name);
    if (there) there.push(group);
    else found.set(name, [group]);
  }
  const counted = [...found].map(([name, own]) => ({ name, all: totals(own) }));
  return counted.sort((a, b) => b.all.count - a.all.count || a.name.localeCompare(b.name));
}
