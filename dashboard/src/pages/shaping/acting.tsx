import { get } from "../../client/http";
import type { ActingRule, QueueSummary } from "../../client/types/delivery";
import { count } from "../../kit/format";
import { useLoad } from "../../kit/load";
import { Empty, Failure, Skeleton, Time } from "../../kit/show";
import { Table, type Column } from "../../kit/table";
import { SiteLink } from "../queue/site_link";

interface Row extends ActingRule {
  readonly site: string;
  readonly provider: string;
  readonly source: string;
}

const COLUMNS: readonly Column<Row>[] = [
  { name: "Site", cell: ({ site }) => <SiteLink name={site} />, by: ({ site }) => site },
  { name: "Provider", cell: ({ provider }) => provider, by: ({ provider }) => provider, minor: true },
  { name: "Source", cell: ({ source }) => source, by: ({ source }) => source },
  { name: "Rule", cell: ({ rule }) => rule, by: ({ rule }) => rule },
  { name: "What holds", cell: ({ does }) => does },
  { name: "Fired", cell: ({ times }) => count(times), by: ({ times }) => times, numeric: true },
  { name: "Ends or eases", cell: ({ until }) => <Time at={until} />, by: ({ until }) => until },
];

/** Rules that act at this moment. */
export function ActingTab() {
  const found = useLoad((signal) => get<QueueSummary>("/delivery/queue", { query: { limit: 1_000 }, signal }), [], { every: 5_000 });
  const rows = found.data?.result.sites.flatMap(({ name, provider, sources }) =>
    sources.flatMap(({ source, rules }) => rules.map((rule) => ({ ...rule, site: name, provider, source }))),
  );
  return (
    <>
      <Failure failure={found.failure} again={found.reload} />
      {!rows && !found.failure && <Skeleton lines={4} />}
      {rows?.length === 0 && (
        <Empty title="No rule acts now">
          <p>Rules act when a site answers as they say: by slowing down, holding or limiting for a while.</p>
        </Empty>
      )}
      {rows && rows.length > 0 && (
        <Table caption="Rules that act" columns={COLUMNS} rows={rows} keyOf={({ site, source, rule }) => `${site} ${source} ${rule}`} />
      )}
    </>
  );
}
