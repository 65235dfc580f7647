import { all, get } from "../../client/http";
import type { Account, Zone } from "../../client/types/core";
import type { QueueSummary } from "../../client/types/delivery";
import { Button, CopyButton } from "../../kit/button";
import { count } from "../../kit/format";
import { useLoad } from "../../kit/load";
import { Table, type Column } from "../../kit/table";
import { href } from "../../router";
import type { Asked } from "./account_dialog";

interface Props {
  readonly accounts: readonly Account[];
  readonly onAsk: (asked: Asked) => void;
}

export function AccountTable({ accounts, onAsk }: Props) {
  const found = useLoad(
    async (signal) => {
      const [zones, queue] = await Promise.all([
        all<Zone>("/zones", { signal }),
        get<QueueSummary>("/delivery/queue", { query: { limit: 10_000 }, signal }),
      ]);
      return { zones, tenants: new Map(queue.result.tenants.map(({ name, entries }) => [name, entries])) };
    },
    [accounts],
  );
  const zones = ({ id }: Account) => found.data?.zones.filter(({ account }) => account.id === id).length ?? 0;
  const waiting = ({ id }: Account) => found.data?.tenants.get(id) ?? 0;
  const columns: Column<Account>[] = [
    { name: "Account", cell: ({ name }) => <span class="whole">{name}</span>, by: ({ name }) => name },
    {
      name: "Id",
      cell: ({ id }) => (
        <>
          <code>{id}</code> <CopyButton text={id} label={`Copy the id ${id}`} />
        </>
      ),
    },
    { name: "Zones", cell: (account) => (found.data ? count(zones(account)) : "…"), by: zones, numeric: true },
    { name: "In the queue", cell: (account) => (found.data ? count(waiting(account)) : "…"), by: waiting, numeric: true },
    {
      name: "Do",
      cell: (account) => (
        <span class="actions tight">
          <Button kind="quiet" small label={`Limits of ${account.name}`} onClick={() => onAsk({ kind: "limits", account })}>
            Limits
          </Button>
          <Button kind="quiet" small label={`Rename ${account.name}`} onClick={() => onAsk({ kind: "rename", account })}>
            Rename
          </Button>
          <Button kind="quiet" small label={`Delete ${account.name}`} onClick={() => onAsk({ kind: "delete", account })}>
            Delete
          </Button>
        </span>
      ),
    },
  ];
  return (
    <Table
      caption="Accounts of the server"
      columns={columns}
      rows={accounts}
      keyOf={({ id }) => id}
      to={({ id }) => href("/", { account: id, zone: undefined })}
    />
  );
}
