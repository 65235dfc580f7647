import { line } from "d3-shape";
import { runs, stacked, valueOf, type Point, type Series } from "./model";
import type { Measured } from "./scales";

/** Lines are told apart by their dashes, too. */
export const DASHES = [undefined, "6 3", "2 3", "10 3 2 3", "4 2", "1 4"] as const;

interface Props {
  readonly points: readonly Point[];
  readonly series: readonly Series[];
  readonly measured: Measured;
}

/** Bars that stand on each other, with a gap between them. */
export function Bars({ points, series, measured, hatch }: Props & { readonly hatch: string }) {
  const { x, y, wide } = measured;
  const gap = wide > 6 ? Math.min(4, wide * 0.2) : wide > 3 ? 1 : 0;
  return (
    <>
      {points.map((point) => (
        <g key={point.at.getTime()}>
          {stacked(point, series).map(({ series: { id, colour, isHatched }, from, to }) => {
            const shape = {
              x: x(point.at) + gap / 2,
              y: y(to),
              width: Math.max(0.5, wide - gap),
              // Half a pixel at least: what is rare is seen, too.
              height: Math.max(0.5, y(from) - y(to) - (from > 0 ? 1 : 0)),
            };
            return (
              <g key={id}>
                <rect {...shape} class={`chart-fill-${colour}`} />
                {isHatched && <rect {...shape} fill={`url(#${hatch})`} />}
              </g>
            );
          })}
        </g>
      ))}
    </>
  );
}

/** Lines through the middles of their stretches; a value alone is a dot. */
export function Lines({ points, series, all, measured }: Props & { readonly all: readonly Series[] }) {
  const { x, y, wide } = measured;
  return (
    <>
      {series.map((one) => {
        const [left, top] = [(point: Point) => x(point.at) + wide / 2, (point: Point) => y(valueOf(point, one) ?? 0)];
        const path = line<Point>(left, top);
        const found = runs(points, one);
        return (
          <g key={one.id} class={`chart-line-${one.colour}`}>
            {found.map((run) => (
              <path key={run[0]?.at.getTime()} d={path([...run]) ?? ""} stroke-dasharray={DASHES[all.indexOf(one)]} />
            ))}
            {found
              .filter((run) => run.length === 1)
              .flat()
              .map((point) => (
                <circle key={point.at.getTime()} cx={left(point)} cy={top(point)} r={2.5} />
              ))}
          </g>
        );
      })}
    </>
  );
}
