import { useState } from "preact/hooks";
import { all } from "../../client/http";
import type { Zone } from "../../client/types/core";
import type { RoutingSettings } from "../../client/types/routing";
import type { SendingZone } from "../../client/types/sending";
import { Button } from "../../kit/button";
import { useLoad } from "../../kit/load";
import { Page } from "../../kit/page";
import { Badge, Card, Empty, Failure, Skeleton } from "../../kit/show";
import { Table } from "../../kit/table";
import { href } from "../../router";
import { useAccount, useScope } from "../../state/scope";
import { useMay } from "../../state/session";
import { AddZone } from "./add_zone";
import { routingState, sendingState } from "./states";

interface Row extends Zone {
  readonly sending: SendingZone | undefined;
  readonly routing: RoutingSettings | undefined;
}

export function ZoneList() {
  const account = useAccount();
  const { zones, zone } = useScope();
  const [isAdding, setAdding] = useState(false);
  const mayAdd = useMay("admin");
  const found = useLoad(
    async (signal) => {
      const [sending, routing] = await Promise.all([
        all<SendingZone>(`/accounts/${account.id}/email/sending/zones`, { signal }),
        // Who may not read routing still sees what sends.
        all<RoutingSettings>(`/accounts/${account.id}/email/routing/zones`, { signal }).catch(() => []),
      ]);
      return { sending, routing };
    },
    [account.id],
    { every: 30_000 },
  );
  const shown = zone ? [zone] : zones;
  const rows: Row[] = shown.map((one) => ({
    ...one,
    sending: found.data?.sending.find(({ id }) => id === one.id),
    routing: found.data?.routing.find(({ id }) => id === one.id),
  }));
  const add = mayAdd && (
    <Button kind="primary" icon="plus" onClick={() => setAdding(true)}>
      Add domain
    </Button>
  );
  return (
    <Page title="Domains" lead="Domains of this account: what sends, what takes mail, and whether their DNS says so." actions={add}>
      <Failure failure={found.failure} again={found.reload} />
      <Card>
        {!found.data && !found.failure && <Skeleton lines={5} />}
        {found.data && rows.length === 0 && (
          <Empty title="No domains yet">
            <p>Add the domain that your mail is to come from. You are led through its DNS records step by step.</p>
          </Empty>
        )}
        {found.data && rows.length > 0 && (
          <Table
            caption="Domains"
            rows={rows}
            keyOf={({ id }) => id}
            to={({ name }) => href(`/domains/${name}`)}
            columns={[
              { name: "Domain", cell: ({ name }) => name, by: ({ name }) => name },
              { name: "Sending", cell: ({ sending }) => <State state={sendingState(sending)} />, by: (row) => sendingState(row.sending)[1] },
              { name: "Routing", cell: ({ routing }) => <State state={routingState(routing)} />, by: (row) => routingState(row.routing)[1] },
              { name: "Id", minor: true, cell: ({ id }) => <code class="soft">{id}</code> },
            ]}
          />
        )}
      </Card>
      {isAdding && <AddZone onClose={() => setAdding(false)} />}
    </Page>
  );
}

function State({ state: [tone, text] }: { readonly state: ReturnType<typeof sendingState> }) {
  return <Badge tone={tone}>{text}</Badge>;
}
