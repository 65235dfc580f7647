import type { ComponentChildren } from "preact";
import { useMemo, useState } from "preact/hooks";
import { Icon } from "./icon";

export interface Column<T> {
  /** Its heading; what people hear before each value on a small screen. */
  readonly name: string;
  readonly cell: (row: T) => ComponentChildren;
  /** What it is sorted by; columns without cannot be. */
  readonly by?: (row: T) => string | number;
  readonly numeric?: boolean;
  /** Columns that a narrow screen can do without. */
  readonly minor?: boolean;
}

interface Props<T> {
  /** What is in it, for those who do not see it. */
  readonly caption: string;
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  readonly keyOf: (row: T) => string;
  /** Where a row leads; its first cell becomes the link. */
  readonly to?: (row: T) => string;
}

interface Order {
  readonly column: number;
  readonly descending: boolean;
}

/** A table; on a narrow screen each row becomes a card. */
export function Table<T>({ caption, columns, rows, keyOf, to }: Props<T>) {
  const [order, setOrder] = useState<Order>();
  const sorted = useMemo(() => sort(rows, columns, order), [rows, columns, order]);
  const turn = (column: number) =>
    setOrder((before) => ({ column, descending: before?.column === column ? !before.descending : false }));
  return (
    <div class="table-frame" role="region" aria-label={caption} tabIndex={0}>
      <table>
        <caption class="visually-hidden">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column, at) => (
              <th key={column.name} scope="col" class={classOf(column)} aria-sort={sortOf(order, at)}>
                {column.by ? (
                  <button type="button" onClick={() => turn(at)}>
                    {column.name}
                    {order?.column === at && <Icon name={order.descending ? "down" : "up"} />}
                  </button>
                ) : (
                  column.name
                )}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {sorted.map((row) => (
            <tr key={keyOf(row)}>
              {columns.map((column, at) => (
                <td key={column.name} class={classOf(column)} data-name={column.name}>
                  {at === 0 && to ? <a href={to(row)}>{column.cell(row)}</a> : column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function classOf<T>({ numeric, minor }: Column<T>): string | undefined {
  return [numeric && "numeric", minor && "minor"].filter(Boolean).join(" ") || undefined;
}

function sortOf(order: Order | undefined, at: number): "ascending" | "descending" | undefined {
  if (order?.column !== at) return undefined;
  return order.descending ? "descending" : "ascending";
}

export function sort<T>(rows: readonly T[], columns: readonly Column<T>[], order: Order | undefined): readonly T[] {
  const by = order && columns[order.column]?.by;
  if (!by) return rows;
  const sign = order.descending ? -1 : 1;
  return [...rows].sort((left, right) => {
    const [a, b] = [by(left), by(right)];
    return sign * (typeof a === "string" ? a.localeCompare(String(b)) : a - Number(b));
  });
}
