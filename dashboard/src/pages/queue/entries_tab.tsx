import { useState } from "preact/hooks";
import { get } from "../../client/http";
import type { EntryRow } from "../../client/types/delivery";
import { Button } from "../../kit/button";
import { useLoad } from "../../kit/load";
import { NextPage } from "../../kit/page";
import { Empty, Failure, Skeleton } from "../../kit/show";
import { href, useRoute } from "../../router";
import { EntryTable } from "./entry_table";
import { FIELDS, isEmpty, type Filter } from "./filter";
import type { Want } from "./ordering";
import { WhyDialog } from "./why_dialog";

interface Props {
  readonly filter: Filter;
  readonly want: Want;
  /** It changes when there may be news. */
  readonly stamp: unknown;
}

const PER_PAGE = 100;
const keyOf = ({ id, domain }: EntryRow) => `${id} ${domain}`;

/** The queue, entry by entry; those that are chosen can be retried, rerouted or cancelled together. */
export function EntriesTab({ filter, want, stamp }: Props) {
  const { params } = useRoute();
  const cursor = params.get("cursor") ?? undefined;
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [asked, setAsked] = useState<EntryRow>();
  const { domain, tenant, pool, id } = filter;
  const page = useLoad(
    (signal) => get<EntryRow[]>("/delivery/queue/entries", { query: { ...filter, cursor, per_page: PER_PAGE }, signal }),
    [domain, tenant, pool, id, cursor, stamp],
  );
  if (!page.data) return page.failure ? <Failure failure={page.failure} again={page.reload} /> : <Skeleton lines={8} />;
  const { result: rows, info } = page.data;
  const entries = rows.filter((row) => chosen.has(keyOf(row)));
  const choose = (key: string, isChosen: boolean) => {
    const next = new Set(chosen);
    if (isChosen) next.add(key);
    else next.delete(key);
    setChosen(next);
  };
  const next = info?.cursor ? href("/queue", { ...pick(filter), tab: "entries", cursor: info.cursor }) : undefined;
  return (
    <>
      <Failure failure={page.failure} again={page.reload} />
      {rows.length === 0 ? (
        <Empty title={isEmpty(filter) ? "Nothing waits" : "Nothing matches"}>
          <p>{isEmpty(filter) ? "Everything that was accepted has been settled." : "Clear the filter to see all of the queue."}</p>
        </Empty>
      ) : (
        <>
          <ChosenBar
            entries={entries}
            all={rows}
            want={want}
            onChoose={(isAll) => setChosen(new Set(isAll ? rows.map(keyOf) : []))}
          />
          <EntryTable rows={rows} keyOf={keyOf} chosen={chosen} onChoose={choose} onAsk={setAsked} />
        </>
      )}
      <NextPage to={next} />
      {asked && <WhyDialog entry={asked} onClose={() => setAsked(undefined)} />}
    </>
  );
}

function pick(filter: Filter): Record<string, string | undefined> {
  return Object.fromEntries(FIELDS.map((name) => [name, filter[name]]));
}

interface BarProps {
  readonly entries: readonly EntryRow[];
  readonly all: readonly EntryRow[];
  readonly want: Want;
  readonly onChoose: (isAll: boolean) => void;
}

/** What can be done with the chosen entries. */
function ChosenBar({ entries, all, want, onChoose }: BarProps) {
  const target = { kind: "chosen", entries } as const;
  const none = entries.length === 0;
  return (
    <div class="chosen-bar" role="group" aria-label="Chosen entries">
      <label>
        <input
          type="checkbox"
          checked={entries.length === all.length}
          onChange={(event) => onChoose(event.currentTarget.checked)}
        />
        All of this page
      </label>
      <span role="status">{none ? "None chosen" : `${entries.length} chosen`}</span>
      <Button small disabled={none} onClick={() => want({ kind: "retry", target })}>
        Retry now …
      </Button>
      <Button small disabled={none} onClick={() => want({ kind: "reroute", target })}>
        Reroute …
      </Button>
      <Button small kind="danger" disabled={none} onClick={() => want({ kind: "cancel", target })}>
        Cancel …
      </Button>
    </div>
  );
}
