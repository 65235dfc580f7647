import type { ComponentChildren } from "preact";
import { useId, useState } from "preact/hooks";
import { Button, CopyButton } from "../button";
import { csv } from "../csv";
import { Card } from "../show";
import { Table } from "../table";
import { Legend } from "./legend";
import { valueOf, type Point, type Series } from "./model";
import { Plot, type PlotProps } from "./plot";
import { stretch } from "./ticks";
import "./chart.css";

interface Props extends Omit<PlotProps, "points"> {
  readonly series: readonly Series[];
  /** Undefined while they are on their way. */
  readonly points: readonly Point[] | undefined;
  /** What is to be known to read it. */
  readonly note?: ComponentChildren;
}

/** Values over time, as a chart or as a table of the same. */
export function TimeChart({ series, points, note, ...plot }: Props) {
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [isTable, setTable] = useState(false);
  const hatch = useId();
  const shown = series.filter(({ id }) => !hidden.has(id));
  const toggle = (id: string) => setHidden(new Set(hidden.has(id) ? [...hidden].filter((one) => one !== id) : [...hidden, id]));
  const actions = (
    <>
      {isTable && points && <CopyButton text={asText(points, series)} label="Copy the table" />}
      <Button small pressed={isTable} onClick={() => setTable(!isTable)} label={`${plot.title} as a table`}>
        Table
      </Button>
    </>
  );
  return (
    <Card title={plot.title} actions={actions}>
      <Hatch id={hatch} />
      {points && !isTable && <Plot {...plot} points={points} series={series} shown={shown} hatch={hatch} />}
      {points && isTable && <PointTable {...plot} points={points} series={series} />}
      {!points && <div class="chart-room loading" role="status" aria-label="Loading" />}
      <Legend series={series} hidden={hidden} kind={plot.kind} hatch={hatch} onToggle={toggle} />
      {note && <p class="chart-note">{note}</p>}
    </Card>
  );
}

function Hatch({ id }: { readonly id: string }) {
  return (
    <svg class="visually-hidden" aria-hidden="true">
      <pattern id={id} class="chart-hatch" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
        <line y2="5" />
      </pattern>
    </svg>
  );
}

type TableProps = Pick<PlotProps, "title" | "points" | "step" | "format"> & { readonly series: readonly Series[] };

function PointTable({ title, points, step, format, series }: TableProps) {
  const values = series.map((one) => ({
    name: one.name,
    cell: (point: Point) => shownValue(valueOf(point, one), format),
    by: (point: Point) => valueOf(point, one) ?? -1,
    numeric: true,
  }));
  const time = { name: "Time", cell: ({ at }: Point) => stretch(at, step), by: ({ at }: Point) => at.getTime() };
  return (
    <div class="chart-table">
      <Table caption={title} columns={[time, ...values]} rows={points} keyOf={({ at }) => at.toISOString()} />
    </div>
  );
}

const shownValue = (value: number | null, format: (value: number) => string) => (value === null ? "none" : format(value));

function asText(points: readonly Point[], series: readonly Series[]): string {
  const time = { name: "time", value: ({ at }: Point) => at.toISOString() };
  return csv([time, ...series.map((one) => ({ name: one.name, value: (point: Point) => valueOf(point, one) }))], points);
}
