import type { Threshold } from "./model";
import type { Measured } from "./scales";
import { HEIGHT, MARGIN } from "./size";
import { timeMark } from "./ticks";

const DAY = 86_400_000;

/** Marks are round numbers: "2.0%" is "2%". */
const round = (text: string) => text.replace(/\.0(?=\D|$)/, "");

interface Props {
  readonly measured: Measured;
  readonly width: number;
  readonly step: number;
  readonly format: (value: number) => string;
}

/** Marks and the lines of the grid. */
export function Axes({ measured, width, step, format }: Props) {
  const { x, y, wide, marksX, marksY } = measured;
  const right = width - MARGIN.right;
  return (
    <g class="chart-axes">
      {marksY.map((value) => (
        <g key={value}>
          <line x1={MARGIN.left} x2={right} y1={y(value)} y2={y(value)} />
          <text x={MARGIN.left - 8} y={y(value)} dy="0.32em" text-anchor="end">
            {round(format(value))}
          </text>
        </g>
      ))}
      {marksX.map((at) => (
        <text key={at.getTime()} x={x(at) + (step >= DAY ? wide / 2 : 0)} y={HEIGHT - 6} text-anchor="middle">
          {timeMark(at, step)}
        </text>
      ))}
    </g>
  );
}

interface ThresholdProps extends Pick<Props, "measured" | "width"> {
  readonly thresholds: readonly Threshold[];
}

/** Pixels that a line of text needs. */
const LINE = 14;

/** Values that should not be passed, above what is drawn. Names that would stand on each other are left out. */
export function Thresholds({ measured: { y }, width, thresholds }: ThresholdProps) {
  const right = width - MARGIN.right;
  const isFree = (value: number, place: number) =>
    thresholds.slice(0, place).every((before) => Math.abs(y(before.value) - y(value)) >= LINE);
  return (
    <g class="chart-axes chart-threshold">
      {thresholds.map(({ value, name }, place) => (
        <g key={name}>
          <line x1={MARGIN.left} x2={right} y1={y(value)} y2={y(value)} />
          {isFree(value, place) && (
            <text x={right} y={y(value) - 4} text-anchor="end">
              {name}
            </text>
          )}
        </g>
      ))}
    </g>
  );
}
