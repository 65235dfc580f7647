import type { SiteState } from "../../client/types/delivery";
import { count, counted } from "../../kit/format";
import { Badge, Card, Facts, Time } from "../../kit/show";
import { HoldList } from "./holds";

/** How sites are for each source: connections, pace, what holds them, and rules that act. */
export function SiteCards({ sites }: { readonly sites: readonly SiteState[] }) {
  if (sites.length === 0) return null;
  return (
    <div class="grid">
      {sites.map((site) => (
        <SiteCard key={`${site.name} ${site.source}`} site={site} />
      ))}
    </div>
  );
}

function SiteCard({ site }: { readonly site: SiteState }) {
  const { name, source, connections, opening, idle, allowed, seen_allowed, ready, hold, rules } = site;
  return (
    <Card title={`${name.length > 48 ? `${name.slice(0, 48)}…` : name}, from ${source}`}>
      <Facts
        rows={[
          ["Provider", site.provider],
          ["Connections", `${count(connections)} of ${count(allowed)} (${count(opening)} being made, ${count(idle)} idle)`],
          ["Seen to allow", seen_allowed && counted(seen_allowed, "connection")],
          ["A connection", `closes after ${counted(site.messages_per_connection, "message")}`],
          ["Taken", `${counted(site.taken_per_minute, "message")} in the last minute`],
          ["Wait for one", counted(ready, "message")],
          ["Counts as dead", site.dead_until && <>tried again <Time at={site.dead_until} /></>],
        ]}
      />
      {hold && <HoldList holds={[hold]} />}
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
