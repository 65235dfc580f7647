import type { DomainGroup } from "../../client/types/delivery";
import { Button } from "../../kit/button";
import { count } from "../../kit/format";
import { Empty, Time } from "../../kit/show";
import { Table, type Column } from "../../kit/table";
import { href } from "../../router";
import { nextAttempt, reasonOf, suspensionOf } from "./held";
import { Hold } from "./hold";
import type { QueueState } from "./load";
import type { Want } from "./ordering";
import { domainPath, SiteLink } from "./site_link";

interface Props {
  readonly queue: QueueState;
  readonly want: Want;
}

/** The domains with most entries. */
export function DomainsTab({ queue, want }: Props) {
  const { domains: rows, domain_count } = queue.summary;
  if (rows.length === 0) {
    return (
      <Empty title="Nothing waits">
        <p>Mail that is accepted is here until its receiver has taken it, or it is given up.</p>
      </Empty>
    );
  }
  const columns: Column<DomainGroup>[] = [
    { name: "Domain", cell: ({ name }) => <span class="whole">{name}</span>, by: ({ name }) => name },
    {
      name: "State",
      // Its end is in the column of the next attempt.
      cell: ({ reason, detail }) => <Hold held={{ reason, detail, until: null }} />,
      by: ({ reason }) => reasonOf(reason)[1],
    },
    { name: "Entries", cell: ({ entries }) => count(entries), by: ({ entries }) => entries, numeric: true },
    { name: "Due", cell: ({ due }) => count(due), by: ({ due }) => due, numeric: true },
    { name: "In flight", cell: ({ in_flight }) => count(in_flight), by: ({ in_flight }) => in_flight, numeric: true },
    { name: "Oldest", cell: ({ oldest }) => oldest && <Time at={oldest} />, by: ({ oldest }) => oldest ?? "" },
    { name: "Next attempt", cell: (row) => <NextOf group={row} />, by: ({ next_due }) => next_due ?? "" },
    { name: "Site", cell: ({ site }) => <SiteLink name={site} />, by: ({ site }) => site, minor: true },
    { name: "Do", cell: (row) => <Actions row={row} queue={queue} want={want} /> },
  ];
  return (
    <>
      <Table caption="Domains with mail in the queue" columns={columns} rows={rows} keyOf={({ name }) => name} to={({ name }) => href(domainPath(name))} />
      {domain_count > rows.length && (
        <p class="soft">
          The {count(rows.length)} with most entries, of {count(domain_count)}. Name a domain above to see others.
        </p>
      )}
    </>
  );
}

/** When mail of a domain is tried next, as far as anybody can say. */
export function NextOf({ group }: { readonly group: DomainGroup }) {
  if (!group.next_due) return null;
  const at = nextAttempt(group.next_due, group);
  return at ? <Next at={at} /> : <span class="soft">when resumed</span>;
}

/** When something is due; what is due already goes as soon as it can. */
export function Next({ at }: { readonly at: string }) {
  return new Date(at) <= new Date() ? <>now</> : <Time at={at} />;
}

function Actions({ row: { name }, queue, want }: Props & { readonly row: DomainGroup }) {
  const scope = `domain:${name}`;
  const isSuspended = Boolean(suspensionOf(scope, queue.suspensions));
  return (
    <span class="actions tight">
      <Button
        kind="quiet"
        small
        label={`Retry mail to ${name} now`}
        onClick={() => want({ kind: "retry", target: { kind: "filter", filter: { domain: name } } })}
      >
        Retry
      </Button>
      <Button
        kind="quiet"
        small
        label={`${isSuspended ? "Resume" : "Suspend"} ${name}`}
        onClick={() => want({ kind: isSuspended ? "resume" : "suspend", scope })}
      >
        {isSuspended ? "Resume" : "Suspend"}
      </Button>
    </span>
  );
}
