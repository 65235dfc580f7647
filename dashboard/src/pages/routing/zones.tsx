import { all } from "../../client/http";
import type { Zone } from "../../client/types/core";
import type { RoutingRule, RoutingSettings } from "../../client/types/routing";
import { ButtonLink } from "../../kit/button";
import { useLoad } from "../../kit/load";
import { Badge, Card, Empty, Failure, Skeleton } from "../../kit/show";
import { Table } from "../../kit/table";
import { href } from "../../router";
import { useAccount, useScope } from "../../state/scope";
import { routingState } from "../domains/states";

interface Row extends Zone {
  readonly routing: RoutingSettings | undefined;
  readonly rules: readonly RoutingRule[];
}

/** The zones of the account by what they take. */
export function RoutingZones() {
  const account = useAccount();
  const { zones, zone } = useScope();
  const found = useLoad(
    async (signal) => {
      const base = `/accounts/${account.id}/email/routing`;
      const [settings, rules] = await Promise.all([
        all<RoutingSettings>(`${base}/zones`, { signal }),
        all<RoutingRule>(`${base}/rules`, { signal }),
      ]);
      return { settings, rules };
    },
    [account.id],
    { every: 30_000 },
  );
  const { data, failure } = found;
  const rows: Row[] = (zone ? [zone] : zones).map((one) => ({
    ...one,
    routing: data?.settings.find(({ id }) => id === one.id),
    rules: data?.rules.filter((rule) => rule.zone.tag === one.id) ?? [],
  }));
  return (
    <Card>
      <Failure failure={failure} again={found.reload} />
      {!data && !failure && <Skeleton lines={5} />}
      {data && rows.length === 0 && (
        <Empty title="No domains yet">
          <p>Add the domain whose mail you want to take.</p>
          <ButtonLink to={href("/domains")} primary>
            Domains
          </ButtonLink>
        </Empty>
      )}
      {data && rows.length > 0 && (
        <Table
          caption="Zones by what they take"
          rows={rows}
          keyOf={({ id }) => id}
          to={({ name }) => href(`/routing/${name}`)}
          columns={[
            { name: "Zone", cell: ({ name }) => name, by: ({ name }) => name },
            { name: "Routing", cell: (row) => <State row={row} />, by: (row) => routingState(row.routing)[1] },
            { name: "Rules", numeric: true, cell: ({ rules }) => rules.length, by: ({ rules }) => rules.length },
            { name: "Catch-all", cell: ({ rules }) => catchAll(rules) },
            { name: "Domains beneath", minor: true, cell: ({ routing }) => beneath(routing) },
          ]}
        />
      )}
    </Card>
  );
}

function State({ row }: { readonly row: Row }) {
  const [tone, text] = routingState(row.routing);
  return <Badge tone={tone}>{text}</Badge>;
}

function catchAll(rules: readonly RoutingRule[]): string {
  const rule = rules.find(({ matchers }) => matchers[0]?.type === "all");
  if (!rule?.enabled) return "off";
  const [action] = rule.actions;
  return action?.type === "drop" ? "drop" : (action?.value?.join(", ") ?? "");
}

function beneath(routing: RoutingSettings | undefined): string {
  return routing?.subdomains.filter(({ enabled }) => enabled).map(({ name }) => name).join(", ") ?? "";
}
