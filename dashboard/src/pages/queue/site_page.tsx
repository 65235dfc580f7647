import type { DomainGroup } from "../../client/types/delivery";
import { Button, ButtonLink } from "../../kit/button";
import { count } from "../../kit/format";
import { Page } from "../../kit/page";
import { Card, Empty, Failure, Skeleton } from "../../kit/show";
import { Table, type Column } from "../../kit/table";
import { href } from "../../router";
import { asHeld, suspensionOf } from "./held";
import { Hold } from "./hold";
import { useQueue, type QueueState } from "./load";
import { Ordering } from "./ordering";
import "./queue.css";
import { SiteCards } from "./site_cards";
import { domainPath } from "./site_link";

/** One site: its connections from each source, its limits, and the domains behind it. */
export function SitePage({ name }: { readonly name: string }) {
  const queue = useQueue({});
  const suspension = queue.data && suspensionOf(`site:${name}`, queue.data.suspensions);
  return (
    <Ordering onChange={queue.reload}>
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
          <Failure failure={queue.failure} again={queue.reload} />
          {suspension && <Hold held={asHeld(suspension)} whole />}
          {queue.data ? <Shown name={name} queue={queue.data} /> : !queue.failure && <Skeleton lines={8} />}
        </Page>
      )}
    </Ordering>
  );
}

function Shown({ name, queue: { summary } }: { readonly name: string; readonly queue: QueueState }) {
  const site = summary.sites.find((site) => site.name === name);
  const domains = summary.domains.filter((domain) => domain.site === name);
  if (!site) {
    return (
      <Empty title="The site has no work now">
        <p>It is known again as soon as a domain behind it has mail that moves.</p>
      </Empty>
    );
  }
  const columns: Column<DomainGroup>[] = [
    { name: "Domain", cell: ({ name }) => <span class="whole">{name}</span>, by: ({ name }) => name },
    { name: "State", cell: (row) => <Hold held={row} /> },
    { name: "Entries", cell: ({ entries }) => count(entries), by: ({ entries }) => entries, numeric: true },
    { name: "In flight", cell: ({ in_flight }) => count(in_flight), by: ({ in_flight }) => in_flight, numeric: true },
  ];
  const [first] = domains;
  const limits = first && (
    <ButtonLink small to={href("/shaping", { domain: first.name })}>
      Limits and rules
    </ButtonLink>
  );
  return (
    <>
      <SiteCards site={site} />
      <Card title="Domains behind it" actions={limits}>
        {domains.length === 0 ? (
          <Empty title="None of them has mail that waits" />
        ) : (
          <Table
            caption="Domains behind the site"
            columns={columns}
            rows={domains}
            keyOf={({ name }) => name}
            to={({ name }) => href(domainPath(name))}
          />
        )}
      </Card>
    </>
  );
}
