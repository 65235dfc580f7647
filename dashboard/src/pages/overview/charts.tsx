import type { Direction } from "../../client/types/activity";
import type { Group } from "../../client/types/analytics";
import { compact, duration, percent } from "../../kit/format";
import type { Series } from "../../kit/chart/model";
import { TimeChart } from "../../kit/chart/time_chart";
import { statusName } from "../../kit/show";
import { STEP_MILLIS } from "../../state/window";
import type { Counts, Times } from "./ask";
import { LIMITS, points, rates, totals } from "./figures";
import { logOf } from "./links";
import { stretches, type Span } from "./span";

const status = (id: string, colour: Series["colour"], isHatched = false): Series => ({ id, name: statusName(id), colour, isHatched });

const OUTCOMES: Readonly<Record<Direction, readonly Series[]>> = {
  sending: [
    status("delivered", 4),
    status("sent", 1),
    status("deliveryFailed", 2, true),
    status("rejected", 3),
    status("failed", 5),
  ],
  routing: [
    status("forwarded", 4),
    status("processed", 1),
    status("sent", 5),
    status("dropped", 6),
    status("rejected", 3),
    status("deliveryFailed", 2, true),
  ],
};

interface Props {
  readonly direction: Direction;
  readonly span: Span;
  readonly counts: Counts | undefined;
}

/** What became of mail, by when it was accepted. */
export function OutcomeChart({ direction, span, counts }: Props) {
  const series = OUTCOMES[direction];
  const values = (own: readonly Group[]) => {
    const { byStatus } = totals(own);
    return Object.fromEntries(series.map(({ id }) => [id, byStatus[id] ?? 0]));
  };
  const step = STEP_MILLIS[span.step];
  return (
    <TimeChart
      title={direction === "sending" ? "What became of mail" : "What became of mail from the world"}
      kind="bars"
      series={series}
      points={counts && points(counts.steps, span.step, stretches(span, span.step), values)}
      step={step}
      format={compact}
      to={(point) => logOf(direction, point, step)}
    />
  );
}

const DELIVERY: readonly Series[] = [{ id: "delivery", name: "Delivered", colour: 4 }];
const TROUBLE: readonly Series[] = [
  { id: "hardBounces", name: "Hard bounces", colour: 2 },
  { id: "complaints", name: "Complaints", colour: 5 },
];

/** Shares over time, against the limits of good health. */
export function RateCharts({ span, counts }: Omit<Props, "direction">) {
  const all = stretches(span, span.step);
  const step = STEP_MILLIS[span.step];
  const shares = counts && points(counts.steps, span.step, all, (own) => ({ ...rates(totals(own)) }));
  const lowest = Math.min(0.9, ...(shares ?? []).map(({ values }) => values["delivery"] ?? 1));
  return (
    <div class="grid">
      <TimeChart
        title="Delivery rate"
        kind="lines"
        series={DELIVERY}
        points={shares}
        step={step}
        format={percent}
        bounds={[Math.floor(lowest * 20) / 20, 1]}
        thresholds={[{ value: LIMITS.delivery, name: "95% and more is good" }]}
        to={(point) => logOf("sending", point, step)}
      />
      <TimeChart
        title="Hard bounces and complaints"
        kind="lines"
        series={TROUBLE}
        points={shares}
        step={step}
        format={percent}
        thresholds={[
          { value: LIMITS.hardBounces, name: "Hard bounces: less than 2%" },
          { value: LIMITS.complaints, name: "Complaints: less than 0.1%" },
        ]}
        to={(point) => logOf("sending", point, step)}
      />
    </div>
  );
}

const QUANTILES: readonly Series[] = [
  { id: "p50", name: "Half (P50)", colour: 1 },
  { id: "p95", name: "95% (P95)", colour: 2 },
  { id: "p99", name: "99% (P99)", colour: 5 },
];

interface TimesProps {
  readonly direction: Direction;
  readonly span: Span;
  readonly times: Times | undefined;
}

/** Within which time mail was delivered. */
export function TimesChart({ direction, span, times }: TimesProps) {
  const name = times?.step ?? span.step;
  const step = STEP_MILLIS[name];
  const values = ([group]: readonly Group[]) => ({
    p50: group?.quantiles?.timeToDeliveryMsP50 ?? null,
    p95: group?.quantiles?.timeToDeliveryMsP95 ?? null,
    p99: group?.quantiles?.timeToDeliveryMsP99 ?? null,
  });
  return (
    <TimeChart
      title="Time to delivery"
      kind="lines"
      growth="durations"
      series={QUANTILES}
      points={times && points(times.steps, name, stretches(span, name), values)}
      step={step}
      format={duration}
      to={(point) => logOf(direction, point, step)}
      note="From acceptance to the receiver's word for it; each line of the grid is several times the one below."
    />
  );
}
