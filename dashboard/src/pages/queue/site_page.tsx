import { get } from "../../client/http";
import type { EngineState, Suspension } from "../../client/types/delivery";
import { Button } from "../../kit/button";
import { count } from "../../kit/format";
import { useLoad } from "../../kit/load";
import { Page } from "../../kit/page";
import { Badge, Card, Empty, Failure, Skeleton } from "../../kit/show";
import { Table, type Column } from "../../kit/table";
import { href } from "../../router";
import { asHold, holdsOf, suspensionOf } from "./held";
import { HoldList, Holds } from "./holds";
import { EVERY } from "./load";
import { Ordering } from "./ordering";
import "./queue.css";
import { SiteCards } from "./site_cards";
import { domainPath } from "./site_link";

interface SiteFacts {
  readonly engine: EngineState;
  readonly suspensions: readonly Suspension[];
}

/** One site: its connections from each source, its limits, and the domains behind it. */
export function SitePage({ name }: { readonly name: string }) {
  const found = useLoad<SiteFacts>(
    async (signal) => {
      const [engine, suspensions] = await Promise.all([
        get<EngineState>("/delivery/state", { query: { site: name }, signal }),
        get<Suspension[]>("/delivery/suspensions", { signal }),
      ]);
      return { engine: engine.result, suspensions: suspensions.result };
    },
    [name],
    { every: EVERY },
  );
  const suspension = found.data && suspensionOf(`site:${name}`, found.data.suspensions);
  return (
    <Ordering onChange={found.reload}>
      {(want) => (
        <Page
          title={name}
          lead={<a href={href("/queue", { tab: "sites" })}>Sites of the queue</a>}
          actions={
            <Button
              icon={suspension ? "play" : "pause"}
              onClick={() => want({ kind: suspension ? "resume" : "suspend", scope: `site:${name}` })}
            >
              {suspension ? "Resume …" : "Suspend …"}
            </Button>
          }
        >
          <Failure failure={found.failure} again={found.reload} />
          {suspension && <HoldList holds={[asHold(suspension)]} />}
          {found.data ? <Shown facts={found.data} /> : !found.failure && <Skeleton lines={8} />}
        </Page>
      )}
    </Ordering>
  );
}

function Shown({ facts: { engine, suspensions } }: { readonly facts: SiteFacts }) {
  if (engine.sites.length + engine.domains.length === 0) {
    return (
      <Empty title="The site has no work now">
        <p>It is known again as soon as a domain behind it has mail that moves.</p>
      </Empty>
    );
  }
  type Row = EngineState["domains"][number];
  const columns: Column<Row>[] = [
    { name: "Domain", cell: ({ name }) => name, by: ({ name }) => name },
    { name: "State", cell: (row) => <Holds holds={holdsOf(row.name, row, suspensions)} otherwise="Open" /> },
    { name: "Ready", cell: ({ ready }) => count(ready), by: ({ ready }) => ready, numeric: true },
    { name: "In flight", cell: ({ in_flight }) => count(in_flight), by: ({ in_flight }) => in_flight, numeric: true },
  ];
  return (
    <>
      {engine.sites.length > 0 ? <SiteCards sites={engine.sites} /> : <p><Badge tone="muted">No connections now</Badge></p>}
      <Card title="Domains behind it">
        <Table
          caption="Domains behind the site"
          columns={columns}
          rows={engine.domains}
          keyOf={({ name }) => name}
          to={({ name }) => href(domainPath(name))}
        />
      </Card>
    </>
  );
}
