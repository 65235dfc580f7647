import { all } from "../../client/http";
import type { Namespace } from "../../client/types/workers";
import { useLoad } from "../../kit/load";
import { Card, Empty, Failure, Skeleton } from "../../kit/show";
import { Table } from "../../kit/table";
import { href, useRoute } from "../../router";
import { useAccount } from "../../state/scope";
import { KvKeys } from "./kv_keys";

/** KV namespaces, and the keys of one. */
export function KeyValue() {
  const account = useAccount();
  const { params } = useRoute();
  const path = `/accounts/${account.id}/storage/kv/namespaces`;
  const found = useLoad((signal) => all<Namespace>(path, { signal }), [path]);
  const rows = found.data;
  const chosen = rows?.find(({ id }) => id === params.get("ns"));
  return (
    <div class="stack">
      <Card title="Namespaces">
        <Failure failure={found.failure} again={found.reload} />
        {!rows && !found.failure && <Skeleton lines={3} />}
        {rows?.length === 0 && (
          <Empty title="No namespaces yet">
            <p>Workers keep what they want to remember in KV: small values by their keys.</p>
            <pre tabIndex={0}>mailwright worker kv namespace create NAME</pre>
          </Empty>
        )}
        {rows && rows.length > 0 && (
          <Table
            caption="KV namespaces"
            rows={rows}
            keyOf={({ id }) => id}
            to={({ id }) => href("/workers", { tab: "kv", ns: id })}
            columns={[
              { name: "Name", cell: ({ title, id }) => (id === chosen?.id ? <strong>{title}</strong> : title), by: ({ title }) => title },
              { name: "Id", cell: ({ id }) => <code class="soft">{id}</code> },
            ]}
          />
        )}
      </Card>
      {chosen && <KvKeys key={chosen.id} path={`${path}/${chosen.id}`} namespace={chosen} />}
    </div>
  );
}
