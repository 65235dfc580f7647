// From values to pixels.

import { scaleLinear, scaleLog, scaleTime, scaleUtc } from "d3-scale";
import { greatest, smallest, type Point, type Series, type Threshold } from "./model";
import { HEIGHT, MARGIN } from "./size";
import { durationMarks } from "./ticks";

const DAY = 86_400_000;
const [TOP, BOTTOM] = [MARGIN.top, HEIGHT - MARGIN.bottom];

export interface Measured {
  /** The left edge of a stretch of time, in pixels. */
  readonly x: (at: Date) => number;
  /** The width of a stretch. */
  readonly wide: number;
  readonly y: (value: number) => number;
  readonly marksX: readonly Date[];
  readonly marksY: readonly number[];
}

export interface Asked {
  readonly points: readonly Point[];
  /** Those that are shown. */
  readonly series: readonly Series[];
  readonly thresholds: readonly Threshold[];
  /** Milliseconds of a stretch. */
  readonly step: number;
  readonly width: number;
  readonly kind: "bars" | "lines";
  readonly growth: "linear" | "durations";
  /** Where the axis of values begins and ends, where that is not nothing and the greatest. */
  readonly bounds: readonly [number, number] | undefined;
}

export function measure(asked: Asked): Measured {
  const { points, step, width } = asked;
  const first = points[0]?.at ?? new Date(0);
  const last = points.at(-1)?.at ?? first;
  const scale = (step >= DAY ? scaleUtc() : scaleTime())
    .domain([first, new Date(last.getTime() + step)])
    .range([MARGIN.left, width - MARGIN.right]);
  const wide = (width - MARGIN.left - MARGIN.right) / Math.max(1, points.length);
  // What would stand half outside is left out.
  const marksX = scale.ticks(Math.max(2, Math.floor(width / 90))).filter((at) => scale(at) < width - 24);
  // A day has its mark in its middle: it is all of the day.
  const shift = step >= DAY ? wide / 2 : 0;
  return { x: (at) => scale(at), wide, marksX: shift ? marksX.filter((at) => at <= last) : marksX, ...values(asked) };
}

function values({ points, series, thresholds, kind, growth, bounds }: Asked): Pick<Measured, "y" | "marksY"> {
  const most = Math.max(greatest(points, series, kind === "bars"), ...thresholds.map(({ value }) => value));
  if (growth === "durations") {
    const marksY = durationMarks(smallest(points, series) ?? 1, most || 1_000);
    const scale = scaleLog().domain([marksY[0] ?? 1, marksY.at(-1) ?? 10]).range([BOTTOM, TOP]).clamp(true);
    return { y: (value) => scale(Math.max(value, marksY[0] ?? 1)), marksY };
  }
  const scale = scaleLinear()
    .domain(bounds ? [...bounds] : [0, most || 1])
    .range([BOTTOM, TOP])
    .clamp(true);
  if (!bounds) scale.nice(4);
  // What bars count is whole.
  const marksY = kind === "bars" ? scale.ticks(4).filter(Number.isInteger) : scale.ticks(4);
  return { y: (value) => scale(value), marksY };
}
