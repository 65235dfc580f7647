import { get } from "../../client/http";
import type { AutomaticAction } from "../../client/types/delivery";
import { useLoad } from "../../kit/load";
import { Empty, Failure, Skeleton, Time } from "../../kit/show";
import { Table, type Column } from "../../kit/table";
import { useWindow } from "../../state/window";
import { SiteLink } from "../queue/site_link";

const COLUMNS: readonly Column<AutomaticAction>[] = [
  { name: "When", cell: ({ at }) => <Time at={at} />, by: ({ at }) => at },
  { name: "Site", cell: ({ site }) => <SiteLink name={site} />, by: ({ site }) => site },
  { name: "For", cell: ({ source, tenant }) => [source, tenant].filter(Boolean).join(", ") || "all", minor: true },
  { name: "What it did", cell: ({ action }) => action },
  { name: "Because", cell: ({ cause }) => cause },
  {
    name: "Ends",
    cell: ({ until }) => (until ? <Time at={until} /> : <span class="soft">step by step</span>),
    by: ({ until }) => until ?? "",
  },
];

/** What the engine did by itself in the chosen time; the server looks back seven days at most. */
export function AutomaticTab() {
  const { since } = useWindow();
  const from = since.toISOString();
  const found = useLoad(
    (signal) => get<AutomaticAction[]>("/delivery/automatic", { query: { since: from, limit: 500 }, signal }),
    [from],
    { every: 15_000 },
  );
  const rows = found.data?.result;
  return (
    <>
      <Failure failure={found.failure} again={found.reload} />
      {!rows && !found.failure && <Skeleton lines={6} />}
      {rows?.length === 0 && (
        <Empty title="The engine did nothing by itself in this time">
          <p>Here is what it does about receivers that slow it down, refuse it or cannot be reached, with its cause and its end.</p>
        </Empty>
      )}
      {rows && rows.length > 0 && (
        <Table caption="Automatic actions, the newest first" columns={COLUMNS} rows={rows} keyOf={({ at, site, source, action }) => `${at} ${site} ${source} ${action}`} />
      )}
    </>
  );
}
