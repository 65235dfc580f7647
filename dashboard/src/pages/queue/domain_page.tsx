import { useState } from "preact/hooks";
import { get } from "../../client/http";
import type { EntryRow } from "../../client/types/delivery";
import { Button, ButtonLink } from "../../kit/button";
import { count } from "../../kit/format";
import { useLoad } from "../../kit/load";
import { Page } from "../../kit/page";
import { Card, Empty, Facts, Failure, Skeleton, Time } from "../../kit/show";
import { href } from "../../router";
import { NextOf } from "./domains_tab";
import { EntryTable } from "./entry_table";
import { suspensionOf } from "./held";
import { Hold } from "./hold";
import { useQueue, type QueueState } from "./load";
import { Ordering, type Want } from "./ordering";
import "./queue.css";
import { SiteCards } from "./site_cards";
import { SiteLink } from "./site_link";
import { WhyDialog } from "./why_dialog";

/** One domain: how much waits for it, why, what was said last, and under which limits. */
export function DomainPage({ name }: { readonly name: string }) {
  const queue = useQueue({ domain: name });
  return (
    <Ordering onChange={queue.reload}>
      {(want) => (
        <Page
          title={name}
          lead={<a href={href("/queue")}>Queue</a>}
          actions={queue.data && <DomainActions name={name} queue={queue.data} want={want} />}
        >
          <Failure failure={queue.failure} again={queue.reload} />
          {queue.data ? <Shown name={name} queue={queue.data} /> : !queue.failure && <Skeleton lines={8} />}
        </Page>
      )}
    </Ordering>
  );
}

interface ShownProps {
  readonly name: string;
  readonly queue: QueueState;
}

function DomainActions({ name, queue, want }: ShownProps & { readonly want: Want }) {
  const scope = `domain:${name}`;
  const target = { kind: "filter", filter: { domain: name } } as const;
  const isSuspended = Boolean(suspensionOf(scope, queue.suspensions));
  return (
    <>
      <Button icon="refresh" onClick={() => want({ kind: "retry", target })}>
        Retry now …
      </Button>
      <Button icon={isSuspended ? "play" : "pause"} onClick={() => want({ kind: isSuspended ? "resume" : "suspend", scope })}>
        {isSuspended ? "Resume …" : "Suspend …"}
      </Button>
      <Button onClick={() => want({ kind: "reroute", target })}>Reroute …</Button>
      <Button kind="danger" onClick={() => want({ kind: "cancel", target })}>
        Cancel all …
      </Button>
    </>
  );
}

function Shown({ name, queue }: ShownProps) {
  const { totals, domains, sites } = queue.summary;
  const domain = domains.find((domain) => domain.name === name);
  const site = sites.find((site) => site.name !== "" && site.name === domain?.site);
  return (
    <>
      <div class="grid">
        <Card title="What waits">
          <Facts
            rows={[
              ["Entries", count(totals.entries)],
              ["Due", count(totals.due)],
              ["In flight", count(domain?.in_flight ?? 0)],
              ["Oldest", totals.oldest && <Time at={totals.oldest} />],
              ["Next attempt", domain && <NextOf group={domain} />],
              ["Site", <SiteLink name={domain?.site} />],
            ]}
          />
        </Card>
        <Card title="Why" actions={<ButtonLink small to={href("/shaping", { domain: name })}>Limits and rules</ButtonLink>}>
          {domain ? <Hold held={domain} whole /> : <p class="soft">Nothing waits for this domain.</p>}
        </Card>
      </div>
      {site && <SiteCards site={site} />}
      <DomainEntries name={name} stamp={queue} />
    </>
  );
}

/** The first entries, with the last replies. */
function DomainEntries({ name, stamp }: { readonly name: string; readonly stamp: unknown }) {
  const [asked, setAsked] = useState<EntryRow>();
  const page = useLoad(
    (signal) => get<EntryRow[]>("/delivery/queue/entries", { query: { domain: name, per_page: 20 }, signal }),
    [name, stamp],
  );
  const all = <ButtonLink small to={href("/queue", { domain: name, tab: "entries" })}>All entries</ButtonLink>;
  return (
    <Card title="Entries and last replies" actions={all}>
      <Failure failure={page.failure} again={page.reload} />
      {page.data?.result.length === 0 && <Empty title="Nothing waits for this domain" />}
      {page.data && page.data.result.length > 0 && (
        <EntryTable rows={page.data.result} keyOf={({ id }) => id} onAsk={setAsked} />
      )}
      {asked && <WhyDialog entry={asked} onClose={() => setAsked(undefined)} />}
    </Card>
  );
}
