// From figures to the mail behind them.

import { CLASSES } from "../../client/activity";
import type { Direction } from "../../client/types/activity";
import type { Dimensions } from "../../client/types/analytics";
import type { Point } from "../../kit/chart/model";
import { href, type Params } from "../../router";

/** The lines of the activity log of the same time that a figure counts. */
export function log(direction: Direction, params: Params = {}): string {
  return href("/activity", { mail: direction === "routing" ? direction : undefined, ...params });
}

/** The lines of a stretch of time. */
export function logOf(direction: Direction, { at }: Point, millis: number): string {
  const until = new Date(at.getTime() + millis);
  return log(direction, { window: undefined, since: at.toISOString(), until: until.toISOString() });
}

/** The lines that failed for the same cause. Refusals of ours have codes in place of classes. */
export function logOfCause(direction: Direction, { errorCause = "", status }: Dimensions): string {
  const isClass = (CLASSES as readonly string[]).includes(errorCause);
  return log(direction, { status, class: isClass ? errorCause : undefined });
}
