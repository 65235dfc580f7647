import type { SiteGroup, SiteSource } from "../../client/types/delivery";
import { Button } from "../../kit/button";
import { count, counted } from "../../kit/format";
import { Badge, Empty, Time } from "../../kit/show";
import { Table, type Column } from "../../kit/table";
import { asHeld, suspensionOf } from "./held";
import { Hold } from "./hold";
import type { QueueState } from "./load";
import type { Want } from "./ordering";
import { SiteLink } from "./site_link";

interface Props {
  readonly queue: QueueState;
  readonly want: Want;
}

const total = ({ sources }: SiteGroup, of: (source: SiteSource) => number) => sources.reduce((sum, source) => sum + of(source), 0);
const taken = (site: SiteGroup) => total(site, (source) => source.taken_per_minute);
const rules = (site: SiteGroup) => total(site, (source) => source.rules.length);

/** Mail exchangers that share limits and connections. */
export function SitesTab({ queue: { summary, suspensions }, want }: Props) {
  const rows = summary.sites.filter(({ name }) => name);
  const unknown = summary.sites.find(({ name }) => !name);
  const suspension = ({ name }: SiteGroup) => suspensionOf(`site:${name}`, suspensions);
  const columns: Column<SiteGroup>[] = [
    { name: "Site", cell: ({ name }) => <SiteLink name={name} />, by: ({ name }) => name },
    { name: "Provider", cell: ({ provider }) => provider || "–", by: ({ provider }) => provider, minor: true },
    { name: "State", cell: (site) => <SiteHold site={site} queue={{ summary, suspensions }} /> },
    { name: "Entries", cell: ({ entries }) => count(entries), by: ({ entries }) => entries, numeric: true },
    { name: "Oldest", cell: ({ oldest }) => (oldest ? <Time at={oldest} /> : "–"), by: ({ oldest }) => oldest ?? "" },
    {
      name: "Connections",
      cell: (site) => `${count(site.connections)} of ${count(total(site, (source) => source.allowed))}`,
      by: ({ connections }) => connections,
      numeric: true,
    },
    { name: "Taken / min", cell: (site) => count(taken(site)), by: taken, numeric: true },
    { name: "Rules", cell: (site) => count(rules(site)), by: rules, numeric: true, minor: true },
    { name: "Do", cell: (site) => <Action name={site.name} isSuspended={Boolean(suspension(site))} want={want} /> },
  ];
  return (
    <>
      {rows.length === 0 ? (
        <Empty title="No site has work">
          <p>A site is a set of mail exchangers. It is known while a domain behind it has mail that moves.</p>
        </Empty>
      ) : (
        <Table caption="Sites with mail or connections" columns={columns} rows={rows} keyOf={({ name }) => name} />
      )}
      {unknown && unknown.entries > 0 && (
        <p class="soft">{counted(unknown.entries, "more entry is", "more entries are")} for domains whose site is not known now.</p>
      )}
    </>
  );
}

/** What holds a site: somebody, the site's own limits, or that it cannot be reached. */
function SiteHold({ site, queue: { summary, suspensions } }: { readonly site: SiteGroup; readonly queue: QueueState }) {
  const suspension = suspensionOf(`site:${site.name}`, suspensions);
  if (suspension) return <Hold held={asHeld(suspension)} />;
  const own = site.sources.find(({ hold }) => hold)?.hold;
  if (own) return <Hold held={own} />;
  const dead = site.sources.find(({ dead_until }) => dead_until);
  const behind = summary.domains.find((domain) => domain.site === site.name && ["site", "breaker", "policy"].includes(domain.reason));
  if (behind) return <Hold held={behind} />;
  if (dead) return <Hold held={{ reason: "breaker", detail: "connections failed in a row", until: dead.dead_until }} />;
  return <Badge tone={site.connections ? "good" : "muted"}>{site.connections ? "Open" : "Idle"}</Badge>;
}

function Action({ name, isSuspended, want }: { readonly name: string; readonly isSuspended: boolean; readonly want: Want }) {
  return (
    <span class="actions tight">
      <Button
        kind="quiet"
        small
        label={`${isSuspended ? "Resume" : "Suspend"} ${name}`}
        onClick={() => want({ kind: isSuspended ? "resume" : "suspend", scope: `site:${name}` })}
      >
        {isSuspended ? "Resume" : "Suspend"}
      </Button>
    </span>
  );
}
