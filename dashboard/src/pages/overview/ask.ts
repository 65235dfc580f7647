// What the overview asks the analytics for.

import { graphql } from "../../client/graphql";
import type { Direction } from "../../client/types/activity";
import type { Group } from "../../client/types/analytics";
import type { Step } from "../../state/window";
import type { Span } from "./span";

/** Whose mail: a zone's, or that of all of an account. */
export interface Of {
  readonly level: "zones" | "accounts";
  readonly tag: string;
  readonly direction: Direction;
}

export interface Counts {
  /** By stretch of time and status. */
  readonly steps: readonly Group[];
  /** By status. */
  readonly now: readonly Group[];
  /** By status, in the time before; undefined where that is no longer kept. */
  readonly before: readonly Group[] | undefined;
  readonly causes: readonly Group[];
  /** By domain and status. */
  readonly domains: readonly Group[];
}

export interface Times {
  readonly now: Group | undefined;
  readonly before: Group | undefined;
  /** By stretch of time. */
  readonly steps: readonly Group[];
  readonly step: Step;
}

interface Reply<T> {
  readonly viewer: { readonly of: readonly T[] };
}

const SUMS = "sum { complaints hardBounces softBounces }";
const QUANTILES = "quantiles { timeToDeliveryMsP50 timeToDeliveryMsP95 timeToDeliveryMsP99 }";
const FAILED = '["deliveryFailed", "rejected", "failed"]';

function dataset(direction: Direction): string {
  return direction === "sending" ? "emailSendingAdaptiveGroups" : "emailRoutingAdaptiveGroups";
}

async function ask<T>({ level, tag }: Of, fields: string, span: Span, signal: AbortSignal): Promise<T | undefined> {
  const name = level === "zones" ? "zoneTag" : "accountTag";
  const moments = (["since", "until", "before"] as const).filter((moment) => fields.includes(`$${moment}`));
  const declared = moments.map((moment) => `$${moment}: Time!`).join(", ");
  const query = `query Overview($tag: string!, ${declared}) {
    viewer { of: ${level}(filter: { ${name}: $tag }) { ${fields} } }
  }`;
  const times = Object.fromEntries(moments.map((moment) => [moment, span[moment].toISOString()]));
  return (await graphql<Reply<T>>(query, { tag, ...times }, signal)).viewer.of[0];
}

const NOW = "datetime_geq: $since, datetime_lt: $until";
const BEFORE = "datetime_geq: $before, datetime_lt: $since";

export async function counts(of: Of, span: Span, signal: AbortSignal): Promise<Counts> {
  const from = dataset(of.direction);
  const domains = `domains: ${from}(filter: { ${NOW} }, limit: 400, orderBy: [count_DESC]) {
    count dimensions { sendingDomain status }
  }`;
  const fields = `
    steps: ${from}(filter: { ${NOW} }, limit: 10000, orderBy: [${span.step}_ASC]) {
      count dimensions { ${span.step} status } ${SUMS}
    }
    now: ${from}(filter: { ${NOW} }, limit: 20) { count dimensions { status } ${SUMS} }
    before: ${from}(filter: { ${BEFORE} }, limit: 20) { count dimensions { status } ${SUMS} }
    causes: ${from}(filter: { ${NOW}, status_in: ${FAILED} }, limit: 8, orderBy: [count_DESC]) {
      count dimensions { errorCause status }
    }
    ${of.direction === "sending" ? domains : ""}`;
  const found = await ask<Partial<Counts>>(of, fields, span, signal);
  const { steps = [], now = [], before = [], causes = [], domains: byDomain = [] } = found ?? {};
  return { steps, now, before: span.isBeforeKept ? before : undefined, causes, domains: byDomain };
}

/** Times to delivery are counted by the hour; to cut them finer, every recipient has to be looked at. */
const TIMES_STEP: Readonly<Record<Step, Step>> = {
  datetimeMinute: "datetimeFiveMinutes",
  datetimeFiveMinutes: "datetimeHour",
  datetimeFifteenMinutes: "datetimeHour",
  datetimeHour: "datetimeHour",
  date: "date",
};

export async function times(of: Of, span: Span, signal: AbortSignal): Promise<Times> {
  const from = dataset(of.direction);
  const step = TIMES_STEP[span.step];
  interface Found {
    readonly now: readonly Group[];
    readonly before: readonly Group[];
    readonly steps: readonly Group[];
  }
  const fields = `
    now: ${from}(filter: { ${NOW} }, limit: 1) { count ${QUANTILES} }
    before: ${from}(filter: { ${BEFORE} }, limit: 1) { count ${QUANTILES} }
    steps: ${from}(filter: { ${NOW} }, limit: 10000, orderBy: [${step}_ASC]) { count dimensions { ${step} } ${QUANTILES} }`;
  const found = await ask<Found>(of, fields, span, signal);
  const before = span.isBeforeKept ? found?.before[0] : undefined;
  return { now: found?.now[0], before, steps: found?.steps ?? [], step };
}

/** Most recipients by whom recipients' domains are counted: there is no count of domains, so they are told of addresses. */
export const MOST_ADDRESSES = 10_000;

export async function addresses(of: Of, span: Span, signal: AbortSignal): Promise<readonly Group[]> {
  const fields = `to: ${dataset(of.direction)}(filter: { ${NOW} }, limit: ${MOST_ADDRESSES}, orderBy: [count_DESC]) {
    count dimensions { envelopeTo status }
  }`;
  const found = await ask<{ readonly to: readonly Group[] }>(of, fields, span, signal);
  return found?.to ?? [];
}
