import type { SiteGroup, SiteState } from "../../client/types/delivery";
import { Button } from "../../kit/button";
import { count } from "../../kit/format";
import { Empty, Time } from "../../kit/show";
import { Table, type Column } from "../../kit/table";
import { asHold, suspensionOf } from "./held";
import { Holds } from "./holds";
import type { QueueState } from "./load";
import type { Want } from "./ordering";
import { SiteLink } from "./site_link";

interface Props {
  readonly queue: QueueState;
  readonly want: Want;
}

interface Row extends SiteGroup {
  /** How it is for each source. */
  readonly states: readonly SiteState[];
}

const total = (states: readonly SiteState[], of: (state: SiteState) => number) =>
  states.reduce((sum, state) => sum + of(state), 0);

/** Mail exchangers that share limits and connections. */
export function SitesTab({ queue, want }: Props) {
  const { summary, engine, suspensions } = queue;
  const rows = rowsOf(queue);
  if (rows.length === 0) {
    return (
      <Empty title="No site has work">
        <p>A site is a set of mail exchangers. It is known while a domain behind it has mail that moves.</p>
      </Empty>
    );
  }
  const holds = ({ name, states }: Row) => {
    const suspension = suspensionOf(`site:${name}`, suspensions);
    const resting = engine.domains.filter(({ site }) => site === name).flatMap((domain) => domain.holds);
    return [...(suspension ? [asHold(suspension)] : []), ...states.flatMap(({ hold }) => hold ?? []), ...resting.slice(0, 1)];
  };
  const columns: Column<Row>[] = [
    { name: "Site", cell: ({ name }) => <SiteLink name={name} />, by: ({ name }) => name },
    { name: "Provider", cell: ({ provider }) => provider || "–", by: ({ provider }) => provider, minor: true },
    { name: "State", cell: (row) => <Holds holds={holds(row)} otherwise={row.states.length ? "Open" : "Idle"} /> },
    { name: "Entries", cell: ({ entries }) => count(entries), by: ({ entries }) => entries, numeric: true },
    { name: "Oldest", cell: ({ oldest }) => (oldest ? <Time at={oldest} /> : "–"), by: ({ oldest }) => oldest ?? "" },
    {
      name: "Connections",
      cell: ({ states }) => `${count(total(states, (state) => state.connections))} of ${count(total(states, (state) => state.allowed))}`,
      by: ({ connections }) => connections,
      numeric: true,
    },
    {
      name: "Taken / min",
      cell: ({ states }) => count(total(states, (state) => state.taken_per_minute)),
      by: ({ states }) => total(states, (state) => state.taken_per_minute),
      numeric: true,
    },
    { name: "Rules", cell: ({ states }) => count(total(states, (state) => state.rules.length)), numeric: true, minor: true },
    { name: "Do", cell: ({ name }) => <Action name={name} isSuspended={Boolean(suspensionOf(`site:${name}`, suspensions))} want={want} /> },
  ];
  const unknown = summary.sites.find(({ name }) => !name);
  return (
    <>
      <Table caption="Sites with mail or connections" columns={columns} rows={rows} keyOf={({ name }) => name} />
      {unknown && <p class="soft">{count(unknown.entries)} more entries are for domains whose site is not known now.</p>}
    </>
  );
}

/** Sites with mail, and those that have connections only. */
function rowsOf({ summary, engine }: QueueState): readonly Row[] {
  const states = new Map(engine.sites.map(({ name }) => [name, engine.sites.filter((state) => state.name === name)]));
  const known = new Map(summary.sites.filter(({ name }) => name).map((group) => [group.name, group]));
  const empty = { entries: 0, due: 0, oldest: null, next_due: null, hold: null };
  for (const { name, provider, connections } of engine.sites) {
    if (!known.has(name)) known.set(name, { ...empty, name, provider, connections });
  }
  return [...known.values()].map((group) => ({ ...group, states: states.get(group.name) ?? [] }));
}

function Action({ name, isSuspended, want }: { readonly name: string; readonly isSuspended: boolean; readonly want: Want }) {
  return (
    <Button
      kind="quiet"
      small
      label={`${isSuspended ? "Resume" : "Suspend"} ${name}`}
      onClick={() => want({ kind: isSuspended ? "resume" : "suspend", scope: `site:${name}` })}
    >
      {isSuspended ? "Resume" : "Suspend"}
    </Button>
  );
}
