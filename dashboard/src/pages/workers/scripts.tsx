import { all, get } from "../../client/http";
import type { RoutingRule } from "../../client/types/routing";
import type { Worker } from "../../client/types/workers";
import { useLoad } from "../../kit/load";
import { Card, Empty, Failure, Skeleton, Time } from "../../kit/show";
import { Table } from "../../kit/table";
import { href } from "../../router";
import { useAccount } from "../../state/scope";

/** The rules by which a Worker has mail. */
export function rulesOf(rules: readonly RoutingRule[], name: string): readonly RoutingRule[] {
  return rules.filter(({ actions: [action] }) => action?.type === "worker" && action.value?.[0] === name);
}

/** Whom a rule is for: an address, or all that no other takes. */
export function addressOf({ matchers: [matcher], zone }: RoutingRule): string {
  return matcher?.value ?? `everything else at ${zone.name}`;
}

export function Scripts() {
  const account = useAccount();
  const found = useLoad(
    async (signal) => {
      const [workers, rules] = await Promise.all([
        get<Worker[]>(`/accounts/${account.id}/workers/scripts`, { signal }).then(({ result }) => result),
        all<RoutingRule>(`/accounts/${account.id}/email/routing/rules`, { signal }).catch(() => []),
      ]);
      return { workers, rules };
    },
    [account.id],
    { every: 15_000 },
  );
  const { data } = found;
  return (
    <Card>
      <Failure failure={found.failure} again={found.reload} />
      {!data && !found.failure && <Skeleton lines={4} />}
      {data?.workers.length === 0 && (
        <Empty title="No Workers yet">
          <p>
            A Worker is JavaScript that reads, forwards, answers or stores mail. Write one with an <code>email()</code> handler and deploy it:
          </p>
          <pre tabIndex={0}>mailwright worker deploy DIR</pre>
          <p>
            <code>npx wrangler deploy</code> does the same with its base URL changed. <a href="/docs">How that is done</a>
          </p>
        </Empty>
      )}
      {data && data.workers.length > 0 && (
        <Table
          caption="Workers"
          rows={data.workers}
          keyOf={({ id }) => id}
          to={({ id }) => href(`/workers/${encodeURIComponent(id)}`)}
          columns={[
            { name: "Name", cell: ({ id }) => id, by: ({ id }) => id },
            { name: "Mail for", cell: ({ id }) => rulesOf(data.rules, id).map(addressOf).join(", ") || <span class="soft">no address</span> },
            { name: "Handles", cell: ({ handlers }) => handlers.join(", ") },
            { name: "Deployed", cell: ({ modified_on }) => <Time at={modified_on} />, by: ({ modified_on }) => modified_on },
            { name: "From", minor: true, cell: ({ last_deployed_from: from }) => from ?? "" },
            { name: "Compatibility date", minor: true, cell: ({ compatibility_date: date }) => date ?? "" },
          ]}
        />
      )}
    </Card>
  );
}
