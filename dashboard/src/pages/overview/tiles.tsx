import type { Direction } from "../../client/types/activity";
import type { Quantiles } from "../../client/types/analytics";
import { compact, count, duration } from "../../kit/format";
import type { Counts, Times } from "./ask";
import { change, totals, type Totals } from "./figures";
import { log } from "./links";

interface Tile {
  readonly name: string;
  readonly value: string;
  /** In full, where the value is shortened. */
  readonly exact?: string | undefined;
  /** Against the time before. */
  readonly change: string;
  readonly to: string;
}

interface Props {
  readonly direction: Direction;
  readonly counts: Counts | undefined;
  readonly times: Times | undefined;
}

/** The figures of the time, each against the time before; each leads to its mail. */
export function Tiles({ direction, counts, times }: Props) {
  const now = counts && totals(counts.now);
  const before = counts?.before && totals(counts.before);
  const many = (name: string, of: (all: Totals) => number, to: string): Tile => ({
    name,
    value: now ? compact(of(now)) : "",
    exact: now && count(of(now)),
    change: change(now && of(now), before && of(before)),
    to,
  });
  const byStatus = (name: string, status: string) =>
    many(name, (all) => all.byStatus[status] ?? 0, log(direction, { status }));
  const tiles =
    direction === "sending"
      ? [
          many("Sent", (all) => all.count, log(direction)),
          byStatus("Delivered", "delivered"),
          byStatus("Bounced", "deliveryFailed"),
          many("Complained", (all) => all.complaints, log(direction, { complained: "true" })),
          timed("Delivery time P50", "timeToDeliveryMsP50", times, log(direction, { status: "delivered" })),
          timed("Delivery time P95", "timeToDeliveryMsP95", times, log(direction, { status: "delivered" })),
        ]
      : [
          many("Came", (all) => all.count, log(direction)),
          byStatus("Forwarded", "forwarded"),
          byStatus("Processed", "processed"),
          byStatus("Dropped", "dropped"),
          byStatus("Rejected", "rejected"),
          byStatus("Failed", "deliveryFailed"),
        ];
  const isReady = (tile: Tile) => tile.value !== "";
  return (
    <ul class="tiles" aria-label="Figures of the chosen time">
      {tiles.map((tile) => (
        <li key={tile.name} class="card">
          {isReady(tile) ? <TileBody tile={tile} /> : <TileRoom name={tile.name} />}
        </li>
      ))}
    </ul>
  );
}

function timed(name: string, quantile: keyof Quantiles, times: Times | undefined, to: string): Tile {
  const now = times?.now?.quantiles?.[quantile];
  const before = times?.before?.quantiles?.[quantile];
  const value = now === undefined || now === null ? "none yet" : duration(now);
  return { name, value: times ? value : "", change: change(now, before), to };
}

function TileBody({ tile }: { readonly tile: Tile }) {
  const { name, value, exact, to } = tile;
  return (
    <>
      <span class="tile-name">{name}</span>
      <a class="tile-value" href={to} title={exact}>
        {value}
        <span class="visually-hidden"> {name}: show them in the activity log</span>
      </a>
      <span class="tile-change">{tile.change || "\u00a0"}</span>
    </>
  );
}

function TileRoom({ name }: { readonly name: string }) {
  return (
    <>
      <span class="tile-name">{name}</span>
      <span class="tile-value tile-room" role="status" aria-label={`${name}: loading`} />
      <span class="tile-change">{"\u00a0"}</span>
    </>
  );
}
