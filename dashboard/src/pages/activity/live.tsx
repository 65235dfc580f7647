import { messagesPath, type Whose } from "../../client/activity";
import { url } from "../../client/http";
import { Button } from "../../kit/button";
import { count } from "../../kit/format";
import type { LiveState } from "../../kit/live";
import { Badge, Empty, Time } from "../../kit/show";
import { Table, type Column } from "../../kit/table";
import { setParams, useRoute } from "../../router";
import { named } from "../message/happening";
import { messageTo } from "./columns";
import type { Filter } from "./filters";
import { paused, resumed, SHOWN, type TailRow } from "./tail";
import { useSaid, useTail } from "./use_tail";

const COLUMNS: readonly Column<TailRow>[] = [
  { name: "Message", cell: ({ subject, id }) => subject || id },
  { name: "Whom", cell: ({ recipients, to }) => (recipients ?? to ?? []).join(", ") },
  {
    name: "What",
    cell: (row) => {
      const [tone, name] = named(row);
      return <Badge tone={tone}>{name}</Badge>;
    },
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
  const isTrouble = useRoute().params.get("trouble") === "1";
  const query = { ...filter, zone_id: whose.zone, failures: isTrouble || undefined };
  const address = url(`${messagesPath(whose)}/stream`, query);
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
        <Button icon="warn" pressed={isTrouble} onClick={() => setParams({ trouble: isTrouble ? undefined : "1" })}>
          Only trouble
        </Button>
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
