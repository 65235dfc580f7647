import type { PageProps } from "../../app/pages";
import { Button } from "../../kit/button";
import { Page, Tabs } from "../../kit/page";
import { Failure, Skeleton } from "../../kit/show";
import { setParams, useRoute } from "../../router";
import { DomainPage } from "./domain_page";
import { DomainsTab } from "./domains_tab";
import { EntriesTab } from "./entries_tab";
import { filterOf, isEmpty } from "./filter";
import { FilterBar } from "./filter_bar";
import { useQueue } from "./load";
import { Ordering } from "./ordering";
import "./queue.css";
import { SitePage } from "./site_page";
import { SitesTab } from "./sites_tab";
import { SourcesTab } from "./sources_tab";
import { Summary } from "./summary";
import { SuspensionsTab } from "./suspensions_tab";

export default function QueuePage({ rest: [kind, name] }: PageProps) {
  if (kind === "domains" && name) return <DomainPage key={name} name={name} />;
  if (kind === "sites" && name) return <SitePage key={name} name={name} />;
  return <WholeQueue />;
}

function WholeQueue() {
  const { params } = useRoute();
  const filter = filterOf(params);
  const queue = useQueue(filter);
  const tab = params.get("tab") ?? "domains";
  const { summary, suspensions } = queue.data ?? {};
  const tabs = [
    { id: "domains", name: named("Domains", summary?.domain_count) },
    { id: "sites", name: named("Sites", summary?.sites.filter(({ name }) => name).length) },
    { id: "sources", name: named("Sources", summary?.sources.length) },
    { id: "entries", name: named("Entries", summary?.totals.entries) },
    { id: "suspensions", name: named("Suspensions", suspensions?.length) },
  ];
  return (
    <Ordering onChange={queue.reload}>
      {(want) => (
        <Page
          title="Queue"
          lead="What waits to be delivered, where to, and what holds it."
          actions={
            <>
              <Button icon="pause" onClick={() => want({ kind: "suspend" })}>
                Suspend …
              </Button>
              <Button icon="refresh" onClick={() => want({ kind: "retry", target: { kind: "filter", filter } })}>
                {isEmpty(filter) ? "Retry all …" : "Retry these …"}
              </Button>
            </>
          }
        >
          <Summary queue={queue.data} />
          <FilterBar filter={filter} want={want} />
          <Failure failure={queue.failure} again={queue.reload} />
          <Tabs label="Parts of the queue" tabs={tabs} chosen={tab} onChoose={(tab) => setParams({ tab })}>
            {!queue.data ? (
              queue.failure ? null : <Skeleton lines={6} />
            ) : tab === "sites" ? (
              <SitesTab queue={queue.data} want={want} />
            ) : tab === "sources" ? (
              <SourcesTab queue={queue.data} want={want} />
            ) : tab === "entries" ? (
              <EntriesTab filter={filter} want={want} stamp={queue.data} />
            ) : tab === "suspensions" ? (
              <SuspensionsTab suspensions={queue.data.suspensions} want={want} />
            ) : (
              <DomainsTab queue={queue.data} want={want} />
            )}
          </Tabs>
        </Page>
      )}
    </Ordering>
  );
}

function named(name: string, many: number | undefined) {
  return many === undefined ? (
    name
  ) : (
    <>
      {name} <span class="tab-count">{many.toLocaleString("en")}</span>
    </>
  );
}
