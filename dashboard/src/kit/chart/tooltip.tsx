import { valueOf, type Point, type Series } from "./model";
import type { Measured } from "./scales";
import { stretch } from "./ticks";

/** Pixels that it may be wide. */
const WIDE = 240;

interface Props {
  readonly point: Point;
  readonly series: readonly Series[];
  readonly measured: Measured;
  readonly step: number;
  readonly width: number;
  readonly format: (value: number) => string;
  readonly kind: "bars" | "lines";
}

/** The values of a stretch. The cursor says the same to those who do not see it. */
export function Tooltip({ point, series, measured, step, width, format, kind }: Props) {
  const { x, wide } = measured;
  const right = x(point.at) + wide + 8;
  const left = right + WIDE > width ? Math.max(0, x(point.at) - WIDE - 8) : right;
  const values = series.map((one) => valueOf(point, one));
  const sum = values.reduce<number>((sum, value) => sum + (value ?? 0), 0);
  // Bars are read from the top.
  const rows = series.map((one, place) => ({ one, value: values[place] ?? null }));
  if (kind === "bars") rows.reverse();
  return (
    <div class="chart-tooltip" aria-hidden="true" style={{ left: `${left}px`, maxWidth: `${WIDE}px` }}>
      <p>{stretch(point.at, step)}</p>
      <table>
        <tbody>
          {rows.map(({ one, value }) => (
            <tr key={one.id}>
              <td>
                <span class={`chart-swatch chart-fill-${one.colour}`} /> {one.name}
              </td>
              <td class="numeric">{value === null ? "none" : format(value)}</td>
            </tr>
          ))}
          {kind === "bars" && (
            <tr>
              <td>All</td>
              <td class="numeric">{format(sum)}</td>
            </tr>
          )}
        </tbody>
      </table>
    </div>
  );
}
