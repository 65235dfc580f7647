import type { ComponentChildren } from "preact";
import { count, percent } from "../format";
import { Card, Empty, Skeleton } from "../show";
import "./chart.css";

export interface Ranked {
  readonly name: string;
  readonly value: number;
  /** Beside the value. */
  readonly aside?: ComponentChildren;
  /** The mail behind it. */
  readonly to?: string | undefined;
}

interface Props {
  readonly title: string;
  /** Undefined while they are on their way; the greatest first. */
  readonly rows: readonly Ranked[] | undefined;
  /** Of what shares are told; the sum when nobody says. */
  readonly all?: number;
  readonly empty: string;
  readonly children?: ComponentChildren;
}

/** What there is most of, as bars that begin on the left. */
export function Ranking({ title, rows, all, empty, children }: Props) {
  const most = Math.max(1, ...(rows ?? []).map(({ value }) => value));
  const sum = all ?? (rows ?? []).reduce((sum, { value }) => sum + value, 0);
  return (
    <Card title={title}>
      {!rows && !children && <Skeleton lines={6} />}
      {rows?.length === 0 && <Empty title={empty} />}
      {rows && rows.length > 0 && (
        <ol class="ranking">
          {rows.map(({ name, value, aside, to }) => (
            <li key={name}>
              <span class="ranking-name">{to ? <a href={to}>{name}</a> : name}</span>
              <span class="ranking-value">
                {count(value)} <span class="soft">{sum > 0 && percent(value / sum)}</span> {aside}
              </span>
              <span class="ranking-bar" aria-hidden="true">
                <span style={{ width: `${(value / most) * 100}%` }} />
              </span>
            </li>
          ))}
        </ol>
      )}
      {children}
    </Card>
  );
}
