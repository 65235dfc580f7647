import { count } from "../../kit/format";
import { Time } from "../../kit/show";
import { Tile, Tiles } from "../../kit/tiles";
import type { QueueState } from "./load";

/** The queue in a few figures. */
export function Summary({ queue }: { readonly queue: QueueState | undefined }) {
  const totals = queue?.summary.totals;
  const sum = (of: (site: QueueState["engine"]["sites"][number]) => number) =>
    count((queue?.engine.sites ?? []).reduce((total, site) => total + of(site), 0));
  const inFlight = (queue?.engine.domains ?? []).reduce((total, domain) => total + domain.in_flight, 0);
  const held = (queue?.engine.domains ?? []).filter(({ holds }) => holds.length > 0).length;
  const later = totals && totals.entries - totals.due;
  return (
    <Tiles>
      <Tile name="Waiting" value={totals ? count(totals.entries) : "–"} note="entries: a message and a domain" />
      <Tile name="Due now" value={totals ? count(totals.due) : "–"} note={later === undefined ? "" : `${count(later)} later`} />
      <Tile name="In flight" value={queue ? count(inFlight) : "–"} note="being delivered" />
      <Tile
        name="Oldest"
        value={totals?.oldest ? <Time at={totals.oldest} /> : "–"}
        note={totals?.next_due && later === totals.entries ? <>next <Time at={totals.next_due} /></> : ""}
      />
      <Tile name="Taken" value={queue ? sum((site) => site.taken_per_minute) : "–"} note="messages in the last minute" />
      <Tile name="Connections" value={queue ? sum((site) => site.connections) : "–"} note={queue ? `${sum((site) => site.idle)} idle` : ""} />
      <Tile
        name="In trouble"
        value={queue ? count(held) : "–"}
        note={queue ? `domains held; ${count(queue.suspensions.length)} suspensions` : ""}
      />
    </Tiles>
  );
}
