import { useState } from "preact/hooks";
import { all, get } from "../../client/http";
import type { Backlog, WorkerQueue } from "../../client/types/workers";
import { Button } from "../../kit/button";
import { bytes, count, duration } from "../../kit/format";
import { useLoad } from "../../kit/load";
import { Badge, Card, Empty, Failure, Skeleton, Time } from "../../kit/show";
import { Table } from "../../kit/table";
import { href } from "../../router";
import { useAccount } from "../../state/scope";
import { useMay } from "../../state/session";
import { Pause, Purge } from "./queue_dialogs";

export interface QueueRow extends WorkerQueue {
  readonly backlog: Backlog | undefined;
}

type Open = { readonly what: "pause" | "purge"; readonly queue: QueueRow };

/** Queues of Workers, with what waits in each. */
export function Queues() {
  const account = useAccount();
  const path = `/accounts/${account.id}/queues`;
  const mayEdit = useMay("workers_edit");
  const [open, setOpen] = useState<Open>();
  const found = useLoad(
    async (signal) => {
      const queues = await all<WorkerQueue>(path, { signal });
      const backlog = async (queue: WorkerQueue): Promise<QueueRow> => {
        const answer = await get<Backlog>(`${path}/${queue.queue_id}/metrics`, { signal }).catch(() => undefined);
        return { ...queue, backlog: answer?.result };
      };
      return Promise.all(queues.map(backlog));
    },
    [path],
    { every: 5_000 },
  );
  const rows = found.data;
  return (
    <Card>
      <Failure failure={found.failure} again={found.reload} />
      {!rows && !found.failure && <Skeleton lines={4} />}
      {rows?.length === 0 && (
        <Empty title="No queues yet">
          <p>Workers put work off by sending messages to queues, which others handle in batches.</p>
          <pre tabIndex={0}>mailwright worker queue create NAME</pre>
        </Empty>
      )}
      {rows && rows.length > 0 && (
        <Table
          caption="Queues of Workers"
          rows={rows}
          keyOf={({ queue_id }) => queue_id}
          columns={[
            { name: "Queue", cell: ({ queue_name }) => <strong>{queue_name}</strong>, by: ({ queue_name }) => queue_name },
            { name: "State", cell: (row) => <State row={row} /> },
            { name: "Waiting", numeric: true, cell: ({ backlog }) => (backlog ? count(backlog.backlog_count) : ""), by: (row) => row.backlog?.backlog_count ?? 0 },
            { name: "Size", numeric: true, minor: true, cell: ({ backlog }) => (backlog ? bytes(backlog.backlog_bytes) : "") },
            { name: "Oldest", cell: ({ backlog }) => (backlog?.oldest_message_timestamp_ms ? <Time at={backlog.oldest_message_timestamp_ms} /> : "") },
            { name: "Sent by", minor: true, cell: ({ producers }) => <Names of={producers.map(({ script }) => script)} /> },
            { name: "Handled by", cell: ({ consumers }) => <Names of={consumers.map(({ script }) => script)} /> },
            { name: "Kept", minor: true, cell: ({ settings }) => duration(settings.message_retention_period * 1_000) },
            {
              name: "Actions",
              cell: (queue) =>
                mayEdit && (
                  <span class="row">
                    <Button small label={`${queue.settings.delivery_paused ? "Resume" : "Pause"} ${queue.queue_name}`} onClick={() => setOpen({ what: "pause", queue })}>
                      {queue.settings.delivery_paused ? "Resume" : "Pause"}
                    </Button>
                    <Button small kind="danger" label={`Empty ${queue.queue_name}`} onClick={() => setOpen({ what: "purge", queue })}>
                      Empty
                    </Button>
                  </span>
                ),
            },
          ]}
        />
      )}
      {open?.what === "pause" && <Pause path={path} queue={open.queue} changed={found.reload} onClose={() => setOpen(undefined)} />}
      {open?.what === "purge" && <Purge path={path} queue={open.queue} changed={found.reload} onClose={() => setOpen(undefined)} />}
    </Card>
  );
}

function State({ row: { settings, consumers } }: { readonly row: QueueRow }) {
  if (settings.delivery_paused) return <Badge tone="warn">Paused</Badge>;
  return consumers.length > 0 ? <Badge tone="good">Handled</Badge> : <Badge tone="info">Nobody handles it</Badge>;
}

function Names({ of }: { readonly of: readonly string[] }) {
  return (
    <span>
      {of.map((name, at) => (
        <span key={name}>
          {at > 0 && ", "}
          <a href={href(`/workers/${encodeURIComponent(name)}`)}>{name}</a>
        </span>
      ))}
    </span>
  );
}
