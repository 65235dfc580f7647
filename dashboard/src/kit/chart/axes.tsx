import type { Threshold } from "./model";
import type { Measured } from "./scales";
import { HEIGHT, MARGIN } from "./size";
import { timeMark } from "./ticks";

const DAY = 86_400_000;

interface Props {
  readonly measured: Measured;
  readonly width: number;
  readonly step: number;
  readonly format: (value: number) => string;
  readonly thresholds: readonly Threshold[];
}

/** Marks and the lines of the grid. */
export function Axes({ measured, width, step, format, thresholds }: Props) {
  const { x, y, wide, marksX, marksY } = measured;
  const right = width - MARGIN.right;
  return (
    <g class="chart-axes">
      {marksY.map((value) => (
        <g key={value}>
          <line x1={MARGIN.left} x2={right} y1={y(value)} y2={y(value)} />
          <text x={MARGIN.left - 8} y={y(value)} dy="0.32em" text-anchor="end">
            {format(value)}
          </text>
        </g>
      ))}
      {marksX.map((at) => (
        <text key={at.getTime()} x={x(at) + (step >= DAY ? wide / 2 : 0)} y={HEIGHT - 6} text-anchor="middle">
          {timeMark(at, step)}
        </text>
      ))}
      {thresholds.map(({ value, name }) => (
        <g key={name} class="chart-threshold">
          <line x1={MARGIN.left} x2={right} y1={y(value)} y2={y(value)} />
          <text x={right} y={y(value) - 4} text-anchor="end">
            {name}
          </text>
        </g>
      ))}
    </g>
  );
}
