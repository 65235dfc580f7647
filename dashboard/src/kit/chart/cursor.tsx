import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { navigate } from "../../router";
import type { Point, Series } from "./model";
import { valueOf } from "./model";
import type { Measured } from "./scales";
import { MARGIN } from "./size";
import { stretch } from "./ticks";

interface Props {
  readonly label: string;
  readonly points: readonly Point[];
  readonly series: readonly Series[];
  readonly measured: Measured;
  readonly step: number;
  readonly format: (value: number) => string;
  /** The place of the stretch that is pointed at. */
  readonly at: number | undefined;
  readonly onMove: (at: number | undefined) => void;
  readonly to: ((point: Point) => string) | undefined;
  readonly children: ComponentChildren;
}

/**
 * Points at a stretch, by pointer or keyboard. To assistive technology it is a slider through time that says what is
 * there; Enter or a click goes to the mail behind it.
 */
export function Cursor(props: Props) {
  const { label, points, series, measured, step, format, at, onMove, to, children } = props;
  const last = points.length - 1;
  const point = at === undefined ? undefined : points[at];
  const said = point && [stretch(point.at, step), ...told(point, series, format)].join(", ");
  const touched = useRef(false);
  const placeOf = (event: PointerEvent & { currentTarget: HTMLElement }) => {
    const offset = event.clientX - event.currentTarget.getBoundingClientRect().left - MARGIN.left;
    const place = Math.floor(offset / measured.wide);
    return place >= 0 && place <= last ? place : undefined;
  };
  // A finger cannot hover: what it touches is shown first, and gone to when it is touched again.
  const touch = (event: PointerEvent & { currentTarget: HTMLElement }) => {
    if (event.pointerType !== "touch") return;
    touched.current = placeOf(event) !== at;
    onMove(placeOf(event));
  };
  const go = () => {
    if (point && to && !touched.current) navigate(to(point));
    touched.current = false;
  };
  const press = (event: KeyboardEvent) => {
    const here = at ?? last;
    const next = {
      ArrowLeft: here - 1,
      ArrowRight: here + 1,
      PageUp: here - 10,
      PageDown: here + 10,
      Home: 0,
      End: last,
    }[event.key];
    if (event.key === "Enter") go();
    if (event.key === "Escape") onMove(undefined);
    if (next === undefined) return;
    event.preventDefault();
    onMove(Math.max(0, Math.min(last, next)));
  };
  return (
    <div
      class={`chart-cursor${to && point ? " leads" : ""}`}
      role="slider"
      tabIndex={0}
      aria-label={to ? `${label}; Enter shows the mail of the time` : label}
      aria-valuemin={0}
      aria-valuemax={Math.max(0, last)}
      aria-valuenow={at ?? Math.max(0, last)}
      aria-valuetext={said ?? "Arrow keys go through time"}
      onPointerDown={touch}
      onPointerMove={(event) => onMove(placeOf(event))}
      onPointerLeave={(event) => event.pointerType !== "touch" && onMove(undefined)}
      onFocus={(event) => event.currentTarget.matches(":focus-visible") && onMove(last)}
      onBlur={() => onMove(undefined)}
      onKeyDown={press}
      onClick={go}
    >
      {children}
    </div>
  );
}

function told(point: Point, series: readonly Series[], format: (value: number) => string): readonly string[] {
  return series.map((one) => {
    const value = valueOf(point, one);
    return `${one.name} ${value === null ? "none" : format(value)}`;
  });
}
