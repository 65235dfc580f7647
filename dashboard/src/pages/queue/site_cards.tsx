import type { SiteState } from "../../client/types/delivery";
import { count } from "../../kit/format";
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
          ["Seen to allow", seen_allowed && `${count(seen_allowed)} connections`],
          ["A connection", `closes after ${count(site.messages_per_connection)} messages`],
          ["Taken", `${count(site.taken_per_minute)} messages in the last minute`],
          ["Wait for one", `${count(ready)} messages`],
          ["Counts as dead", site.dead_until && <>until <Time at={site.dead_until} /></>],
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
                  until <Time at={until} />, fired {count(times)} {times === 1 ? "time" : "times"}
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
