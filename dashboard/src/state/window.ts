// Of which time: a length up to now, or from one moment to another. It stands in the address and goes along.

import { useMemo } from "preact/hooks";
import { setParams, useRoute } from "../router";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export const LENGTHS = { "1h": HOUR, "24h": DAY, "7d": 7 * DAY, "30d": 30 * DAY } as const;
export type Length = keyof typeof LENGTHS;
export const LENGTH_NAMES: Record<Length, string> = {
  "1h": "Last hour",
  "24h": "Last 24 hours",
  "7d": "Last 7 days",
  "30d": "Last 30 days",
};

export interface TimeWindow {
  /** The length that was chosen; undefined for one between two moments. */
  readonly length: Length | undefined;
  readonly since: Date;
  readonly until: Date;
}

/** Dimensions of analytics by which a window is cut into some dozens of parts. */
export type Step = "datetimeMinute" | "datetimeFiveMinutes" | "datetimeFifteenMinutes" | "datetimeHour" | "date";

export const STEP_MILLIS: Record<Step, number> = {
  datetimeMinute: MINUTE,
  datetimeFiveMinutes: 5 * MINUTE,
  datetimeFifteenMinutes: 15 * MINUTE,
  datetimeHour: HOUR,
  date: DAY,
};

export function stepOf({ since, until }: Pick<TimeWindow, "since" | "until">): Step {
  const span = until.getTime() - since.getTime();
  if (span <= HOUR) return "datetimeMinute";
  if (span <= 6 * HOUR) return "datetimeFiveMinutes";
  if (span <= 2 * DAY) return "datetimeFifteenMinutes";
  if (span <= 8 * DAY) return "datetimeHour";
  return "date";
}

export function isLength(text: string | null): text is Length {
  return text !== null && Object.hasOwn(LENGTHS, text);
}

function moment(text: string | null): Date | undefined {
  const date = new Date(text ?? "");
  return Number.isNaN(date.getTime()) ? undefined : date;
}

/** The window that an address says; the last 24 hours when it says none. */
export function windowOf(params: URLSearchParams, now: Date): TimeWindow {
  const [since, until] = [moment(params.get("since")), moment(params.get("until"))];
  if (since && until && since < until) return { length: undefined, since, until };
  const wanted = params.get("window");
  const length = isLength(wanted) ? wanted : "24h";
  return { length, since: new Date(now.getTime() - LENGTHS[length]), until: now };
}

/** The window of the page; it moves on when `tick` changes. */
export function useWindow(tick: unknown = undefined): TimeWindow {
  const { params } = useRoute();
  const said = ["window", "since", "until"].map((name) => params.get(name)).join();
  return useMemo(() => windowOf(params, new Date()), [said, tick]);
}

export function chooseLength(length: Length): void {
  setParams({ window: length, since: undefined, until: undefined }, { replace: false });
}

export function chooseSpan(since: Date, until: Date): void {
  const [from, to] = [since.toISOString(), until.toISOString()];
  setParams({ window: undefined, since: from, until: to }, { replace: false });
}
