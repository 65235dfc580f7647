// The time of the overview, on the borders of the stretches that it is cut into.

import { STEP_MILLIS, stepOf, type Step, type TimeWindow } from "../../state/window";

const MINUTE = 60_000;
/** How long events are kept when nobody says otherwise (`events.retention_days`). */
const KEPT = 31 * 24 * 60 * MINUTE;

export interface Span {
  readonly since: Date;
  readonly until: Date;
  /** As long before `since` as `until` is after it. */
  readonly before: Date;
  readonly isBeforeKept: boolean;
  readonly step: Step;
}

/** On borders the counts can be used; between them every recipient had to be looked at. */
export function spanOf(window: Pick<TimeWindow, "since" | "until">, now: Date): Span {
  const step = stepOf(window);
  const millis = STEP_MILLIS[step];
  const since = Math.floor(window.since.getTime() / millis) * millis;
  const until = Math.ceil(window.until.getTime() / MINUTE) * MINUTE;
  const before = since - (until - since);
  return {
    since: new Date(since),
    until: new Date(until),
    before: new Date(before),
    isBeforeKept: before >= now.getTime() - KEPT,
    step,
  };
}

/** The beginnings of its stretches. */
export function stretches({ since, until }: Pick<Span, "since" | "until">, step: Step): readonly Date[] {
  const millis = STEP_MILLIS[step];
  const first = Math.floor(since.getTime() / millis) * millis;
  const many = Math.ceil((until.getTime() - first) / millis);
  return Array.from({ length: many }, (_, at) => new Date(first + at * millis));
}
