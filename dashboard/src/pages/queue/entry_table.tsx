import type { EntryRow } from "../../client/types/delivery";
import { Button } from "../../kit/button";
import { count } from "../../kit/format";
import { Badge, Time } from "../../kit/show";
import { Table, type Column } from "../../kit/table";
import { href } from "../../router";
import { Next } from "./domains_tab";
import { domainPath } from "./site_link";

interface Props {
  readonly rows: readonly EntryRow[];
  readonly keyOf: (row: EntryRow) => string;
  /** Keys of those that are chosen. */
  readonly chosen?: ReadonlySet<string>;
  readonly onChoose?: (key: string, isChosen: boolean) => void;
  readonly onAsk: (row: EntryRow) => void;
}

/** Entries, with what came of their last attempts. */
export function EntryTable({ rows, keyOf, chosen, onChoose, onAsk }: Props) {
  const choice: Column<EntryRow> = {
    name: "Choose",
    cell: (row) => (
      <input
        type="checkbox"
        class="choose"
        checked={chosen?.has(keyOf(row))}
        aria-label={`Choose ${row.id} to ${row.domain}`}
        onChange={(event) => onChoose?.(keyOf(row), event.currentTarget.checked)}
      />
    ),
  };
  const columns: Column<EntryRow>[] = [
    ...(onChoose ? [choice] : []),
    {
      name: "Message",
      cell: ({ id }) => (
        <a class="mono" href={href(`/messages/${id}`)}>
          {id}
        </a>
      ),
      by: ({ id }) => id,
    },
    ...(onChoose
      ? [{ name: "Domain", cell: ({ domain }: EntryRow) => <a href={href(domainPath(domain))}>{domain}</a>, by: ({ domain }: EntryRow) => domain }]
      : []),
    { name: "To", cell: ({ recipients }) => count(recipients), by: ({ recipients }) => recipients, numeric: true, minor: true },
    { name: "Priority", cell: ({ priority }) => priority, by: ({ priority }) => priority, minor: true },
    { name: "Accepted", cell: ({ accepted }) => <Time at={accepted} />, by: ({ accepted }) => accepted },
    { name: "Attempts", cell: ({ attempts }) => count(attempts), by: ({ attempts }) => attempts, numeric: true },
    { name: "Next", cell: ({ due, scheduled }) => <>{scheduled && <Badge tone="info">Scheduled</Badge>} <Next at={due} /></>, by: ({ due }) => due },
    { name: "Last reply", cell: ({ last }) => <span class="reply">{last ?? "not tried yet"}</span> },
    {
      name: "Do",
      cell: (row) => (
        <Button kind="quiet" small label={`Why ${row.id} to ${row.domain} waits`} onClick={() => onAsk(row)}>
          Why
        </Button>
      ),
    },
  ];
  return <Table caption="Entries of the queue" columns={columns} rows={rows} keyOf={keyOf} />;
}
