import { useId, useMemo, useState } from "preact/hooks";
import { Axes, Thresholds } from "./axes";
import { Cursor } from "./cursor";
import { Bars, Lines } from "./marks";
import type { Point, Series, Threshold } from "./model";
import { measure } from "./scales";
import { HEIGHT, MARGIN, useWidth } from "./size";
import { Tooltip } from "./tooltip";

export interface PlotProps {
  readonly title: string;
  readonly kind: "bars" | "lines";
  readonly points: readonly Point[];
  readonly step: number;
  readonly format: (value: number) => string;
  readonly growth?: "linear" | "durations";
  readonly bounds?: readonly [number, number];
  readonly thresholds?: readonly Threshold[];
  /** The mail behind a stretch. */
  readonly to?: (point: Point) => string;
}

interface Props extends PlotProps {
  readonly series: readonly Series[];
  /** Those that are shown. */
  readonly shown: readonly Series[];
  readonly hatch: string;
}

const NONE: readonly Threshold[] = [];

/** What is drawn. */
export function Plot(props: Props) {
  const { title, kind, points, step, format, growth = "linear", bounds, thresholds = NONE, to, series, shown, hatch } = props;
  const [room, width] = useWidth();
  const [at, setAt] = useState<number>();
  const clip = useId();
  const asked = { points, series: shown, thresholds, step, width, kind, growth, bounds };
  const measured = useMemo(() => measure(asked), Object.values(asked));
  const point = at === undefined ? undefined : points[at];
  const drawn = { points, series: shown, measured };
  return (
    <div class="chart-room" ref={room}>
      <Cursor label={title} points={points} series={shown} measured={measured} step={step} format={format} at={at} onMove={setAt} to={to}>
        <svg width={width} height={HEIGHT} aria-hidden="true">
          <clipPath id={clip}>
            <rect x={MARGIN.left} width={Math.max(0, width - MARGIN.left - MARGIN.right)} height={HEIGHT} />
          </clipPath>
          {point && (
            <rect
              class="chart-pointed"
              x={measured.x(point.at)}
              y={MARGIN.top}
              width={measured.wide}
              height={HEIGHT - MARGIN.top - MARGIN.bottom}
            />
          )}
          {width > 0 && <Axes measured={measured} width={width} step={step} format={format} />}
          <g clip-path={`url(#${clip})`}>
            {kind === "bars" ? <Bars {...drawn} hatch={hatch} /> : <Lines {...drawn} all={series} />}
          </g>
          {width > 0 && <Thresholds measured={measured} width={width} thresholds={thresholds} />}
        </svg>
        {point && <Tooltip point={point} series={shown} measured={measured} step={step} width={width} format={format} kind={kind} />}
      </Cursor>
    </div>
  );
}
