import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { messagesPath, type Whose } from "../../client/activity";
import { url } from "../../client/http";
import type { LiveHappening } from "../../client/types/activity";
import { Button } from "../../kit/button";
import { count } from "../../kit/format";
import { useLive, type LiveState } from "../../kit/live";
import { useEvery } from "../../kit/load";
import { Badge, Empty, StatusBadge, Time } from "../../kit/show";
import { Table, type Column } from "../../kit/table";
import { messageTo } from "./columns";
import type { Filter } from "./filters";
import { EMPTY, HELD, heard, paused, resumed, SHOWN, type Tail, type TailRow } from "./tail";

const KINDS = [
  "accepted",
  "addressed",
  "attempt",
  "expired",
  "cancelled",
  "rerouted",
  "report_sent",
  "suppressed",
  "rejected",
  "failed",
  "dropped",
  "processed",
  "ran",
  "held",
  "released",
  "late_bounce",
  "complaint",
  "unsubscribed",
  "missed",
] as const;

/** How often what came is shown, in milliseconds: many at once are one drawing. */
const DRAWN_EVERY = 250;
/** How often it is said aloud how many came. */
const SAID_EVERY = 10_000;

const COLUMNS: readonly Column<TailRow>[] = [
  { name: "Message", cell: ({ subject, id }) => subject || id },
  { name: "Whom", cell: ({ recipients, to }) => (recipients ?? to ?? []).join(", ") },
  {
    name: "What",
    cell: ({ status, event }) => (status ? <StatusBadge status={status} /> : <Badge tone="muted">{event}</Badge>),
  },
  { name: "In words", cell: ({ text }) => <span class="activity-reply">{text}</span> },
  { name: "When", cell: ({ at }) => <Time at={at} /> },
];

interface Props {
  readonly whose: Whose;
  readonly filter: Filter;
}

/** What happens, as it happens. */
export function LiveTail({ whose, filter }: Props) {
  const address = url(`${messagesPath(whose)}/stream`, { ...filter, zone_id: whose.zone });
  const { tail, setTail, state } = useTail(address);
  const said = useSaid(tail.seen);
  return (
    <>
      <div class="row">
        {tail.isPaused ? (
          <Button icon="play" onClick={() => setTail(resumed)}>
            Go on ({count(tail.held.length)} waiting)
          </Button>
        ) : (
          <Button icon="pause" onClick={() => setTail(paused)}>
            Pause
          </Button>
        )}
        <StateBadge state={state} />
        <span class="soft">
          {count(tail.seen)} events{tail.seen > SHOWN && `, the newest ${SHOWN} are shown`}
          {tail.missed > 0 && `; ${count(tail.missed)} came too fast to be shown: they are in the list`}
        </span>
        <span role="status" class="visually-hidden">
          {said}
        </span>
      </div>
      {tail.rows.length > 0 ? (
        <Table
          caption="What happens, the newest first"
          columns={COLUMNS}
          rows={tail.rows}
          keyOf={({ at_number }) => String(at_number)}
          to={({ id }) => messageTo(id, whose.direction, whose.account === undefined)}
        />
      ) : (
        <Empty title="Nothing has happened yet">
          <p>What happens to mail from now on is shown here, as it happens. The filters above hold for it, the time does not.</p>
        </Empty>
      )}
    </>
  );
}

function StateBadge({ state }: { readonly state: LiveState }) {
  if (state === "open") return <Badge tone="good">Live</Badge>;
  if (state === "connecting") return <Badge tone="warn">Connecting</Badge>;
  return <Badge tone="bad">Ended by the server: reload the page</Badge>;
}

/** Hears a stream; what it tells is drawn a few times a second. */
function useTail(address: string) {
  const [tail, setTail] = useState<Tail>(EMPTY);
  const came = useRef<{ events: LiveHappening[]; missed: number }>({ events: [], missed: 0 });
  useEffect(() => {
    came.current = { events: [], missed: 0 };
    setTail(EMPTY);
  }, [address]);
  const state = useLive(address, KINDS, (kind, data) => {
    const { events } = came.current;
    if (kind === "missed") came.current.missed += (data as { count: number }).count;
    else if (data) events.push(data as LiveHappening);
    // While the page is not seen nothing is drawn, and much may come.
    if (events.length > HELD) {
      events.shift();
      came.current.missed += 1;
    }
  });
  const draw = useCallback(() => {
    const { events, missed } = came.current;
    if (events.length === 0 && missed === 0) return;
    came.current = { events: [], missed: 0 };
    setTail((tail) => heard(tail, events, missed));
  }, []);
  useEvery(draw, DRAWN_EVERY);
  return { tail, setTail, state };
}

/** How many came since it was said last. */
function useSaid(seen: number): string {
  const [said, setSaid] = useState("");
  const newest = useRef(seen);
  newest.current = seen;
  const before = useRef(0);
  const say = useCallback(() => {
    const fresh = newest.current - before.current;
    before.current = newest.current;
    setSaid(fresh > 0 ? `${count(fresh)} new ${fresh === 1 ? "event" : "events"}` : "");
  }, []);
  useEvery(say, SAID_EVERY);
  return said;
}
