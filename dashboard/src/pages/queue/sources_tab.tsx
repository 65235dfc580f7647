import type { SourceGroup } from "../../client/types/delivery";
import { Button } from "../../kit/button";
import { count } from "../../kit/format";
import { Badge, Empty } from "../../kit/show";
import { Table, type Column } from "../../kit/table";
import { suspensionOf } from "./held";
import type { QueueState } from "./load";
import type { Want } from "./ordering";

interface Props {
  readonly queue: QueueState;
  readonly want: Want;
}

/** Our own addresses that mail leaves from. */
export function SourcesTab({ queue: { summary, suspensions }, want }: Props) {
  const isSuspended = ({ name }: SourceGroup) => Boolean(suspensionOf(`source:${name}`, suspensions));
  const columns: Column<SourceGroup>[] = [
    { name: "Source", cell: ({ name }) => name, by: ({ name }) => name },
    {
      name: "State",
      cell: (source) =>
        isSuspended(source) ? (
          <Badge tone="warn">Suspended</Badge>
        ) : source.usable ? (
          <Badge tone="good">Usable</Badge>
        ) : (
          <Badge tone="bad">Not usable</Badge>
        ),
    },
    { name: "Addresses", cell: ({ addresses }) => addresses.join(", ") || "chosen by the system" },
    { name: "Ready", cell: ({ ready }) => count(ready), by: ({ ready }) => ready, numeric: true },
    { name: "Connections", cell: ({ connections }) => count(connections), by: ({ connections }) => connections, numeric: true },
    {
      name: "Left today",
      cell: ({ left_today }) => (left_today === null ? "no limit" : count(left_today)),
      by: ({ left_today }) => left_today ?? Infinity,
      numeric: true,
    },
    {
      name: "Do",
      cell: (source) => (
        <Button
          kind="quiet"
          small
          label={`${isSuspended(source) ? "Resume" : "Suspend"} ${source.name}`}
          onClick={() => want({ kind: isSuspended(source) ? "resume" : "suspend", scope: `source:${source.name}` })}
        >
          {isSuspended(source) ? "Resume" : "Suspend"}
        </Button>
      ),
    },
  ];
  if (summary.sources.length === 0) return <Empty title="There are no sources" />;
  return (
    <>
      <Table caption="Sources of mail" columns={columns} rows={summary.sources} keyOf={({ name }) => name} />
      <p class="soft">Ready is what waits in memory to leave from a source. What is on disk has none yet. Left today is what a warm-up still allows.</p>
    </>
  );
}
