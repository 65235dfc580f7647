import { count, counted } from "../../kit/format";
import { Time } from "../../kit/show";
import { Figure, Figures } from "../../kit/figures";
import { isTrouble } from "./held";
import type { QueueState } from "./load";

/** The queue in a few figures. */
export function Summary({ queue }: { readonly queue: QueueState | undefined }) {
  if (!queue) return <Figures>{NAMES.map((name) => <Figure key={name} name={name} value="–" note="…" />)}</Figures>;
  const { totals, domains, sites } = queue.summary;
  const sources = sites.flatMap(({ sources }) => sources);
  const sum = <T,>(rows: readonly T[], of: (row: T) => number) => rows.reduce((total, row) => total + of(row), 0);
  const later = totals.entries - totals.due;
  const held = domains.filter(({ reason }) => isTrouble(reason)).length;
  return (
    <Figures>
      <Figure name="Waiting" value={count(totals.entries)} note="entries: message and domain" />
      <Figure name="Due now" value={count(totals.due)} note={`${count(later)} later`} />
      <Figure name="In flight" value={count(sum(domains, (domain) => domain.in_flight))} note="being delivered" />
      <Figure
        name="Oldest"
        value={totals.oldest ? <Time at={totals.oldest} /> : "–"}
        note={totals.next_due && totals.due === 0 ? <>next <Time at={totals.next_due} /></> : "accepted"}
      />
      <Figure name="Taken" value={count(sum(sources, (source) => source.taken_per_minute))} note="in the last minute" />
      <Figure
        name="Connections"
        value={count(sum(sources, (source) => source.connections))}
        note={`${count(sum(sources, (source) => source.idle))} idle`}
      />
      <Figure name="Held" value={counted(held, "domain")} note={counted(queue.suspensions.length, "suspension")} />
    </Figures>
  );
}

const NAMES = ["Waiting", "Due now", "In flight", "Oldest", "Taken", "Connections", "Held"];
