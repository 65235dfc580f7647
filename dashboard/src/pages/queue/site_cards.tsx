import type { SiteGroup, SiteSource } from "../../client/types/delivery";
import { count, counted } from "../../kit/format";
import { Badge, Card, Facts, Time } from "../../kit/show";
import { Hold } from "./hold";

/** How a site is for each source: connections, pace, what holds it, and rules that act. */
export function SiteCards({ site }: { readonly site: SiteGroup }) {
  return (
    <div class="grid">
      {site.sources.map((source) => (
        <SourceCard key={source.source} site={site} source={source} />
      ))}
    </div>
  );
}

interface Props {
  readonly site: SiteGroup;
  readonly source: SiteSource;
}

function SourceCard({ site: { name, provider }, source: site }: Props) {
  const { source, connections, opening, idle, allowed, cap, hold, rules } = site;
  return (
    <Card title={`${name.length > 48 ? `${name.slice(0, 48)}…` : name}, from ${source}`}>
      {hold && <Hold held={hold} whole />}
      <Facts
        rows={[
          ["Provider", provider],
          ["Connections", `${count(connections)} of ${count(allowed)} (${count(opening)} being made, ${count(idle)} idle)`],
          ["Seen to allow", cap && counted(cap, "connection")],
          ["A connection", `closes after ${counted(site.messages_per_connection, "message")}`],
          ["Taken", `${counted(site.taken_per_minute, "message")} in the last minute`],
          ["Wait for one", counted(site.ready, "message")],
          ["Counts as dead", site.dead_until && <>tried again <Time at={site.dead_until} /></>],
        ]}
      />
      {rules.length > 0 && (
        <ul class="plain-list">
          {rules.map(({ rule, does, until, times }) => (
            <li key={rule}>
              <span class="row">
                <Badge tone="warn">{rule}</Badge>
                <span class="soft">
                  ends <Time at={until} />, fired {counted(times, "time")}
                </span>
              </span>
              <p>{does}</p>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}
