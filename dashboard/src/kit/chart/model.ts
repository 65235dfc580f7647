// What charts are drawn of.

/** Something that is counted or measured over time. */
export interface Series {
  readonly id: string;
  readonly name: string;
  /** Which of the colours of series (`--series-1` …). */
  readonly colour: 1 | 2 | 3 | 4 | 5 | 6;
  /** Drawn with a hatch: bars that are bad news are told apart without their colour. */
  readonly isHatched?: boolean;
}

/** A stretch of time with a value for each series; `null` where there is none. */
export interface Point {
  readonly at: Date;
  readonly values: Readonly<Record<string, number | null>>;
}

/** A value that should not be passed. */
export interface Threshold {
  readonly value: number;
  readonly name: string;
}

/** A part of a bar: from where to where. */
export interface Slice {
  readonly series: Series;
  readonly from: number;
  readonly to: number;
}

export function valueOf({ values }: Point, { id }: Series): number | null {
  return values[id] ?? null;
}

/** The parts of a bar, the first series at the bottom; what is nothing is left out. */
export function stacked(point: Point, series: readonly Series[]): readonly Slice[] {
  let top = 0;
  return series.flatMap((one) => {
    const value = valueOf(point, one) ?? 0;
    if (value <= 0) return [];
    const slice = { series: one, from: top, to: top + value };
    top = slice.to;
    return [slice];
  });
}

/** The greatest value that a chart has to have room for. */
export function greatest(points: readonly Point[], series: readonly Series[], isStacked: boolean): number {
  const tops = points.map((point) => {
    const values = series.map((one) => valueOf(point, one) ?? 0);
    return isStacked ? values.reduce((sum, value) => sum + value, 0) : Math.max(0, ...values);
  });
  return Math.max(0, ...tops);
}

/** The smallest value above nothing, or `undefined`. */
export function smallest(points: readonly Point[], series: readonly Series[]): number | undefined {
  const values = points.flatMap((point) => series.map((one) => valueOf(point, one) ?? 0)).filter((value) => value > 0);
  return values.length > 0 ? Math.min(...values) : undefined;
}

/** Runs of points that have a value: lines have gaps where there is none. */
export function runs(points: readonly Point[], one: Series): readonly (readonly Point[])[] {
  const found: Point[][] = [];
  let isOpen = false;
  for (const point of points) {
    const hasValue = valueOf(point, one) !== null;
    if (hasValue && isOpen) found.at(-1)?.push(point);
    else if (hasValue) found.push([point]);
    isOpen = hasValue;
  }
  return found;
}
