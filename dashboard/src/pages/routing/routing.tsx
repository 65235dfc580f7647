import type { PageProps } from "../../app/pages";
import { ButtonLink } from "../../kit/button";
import { Page, Tabs } from "../../kit/page";
import { Empty } from "../../kit/show";
import { href, setParams, useRoute } from "../../router";
import { useScope } from "../../state/scope";
import { Destinations } from "./destinations";
import { RoutingZones } from "./zones";
import { RoutingZonePage } from "./zone";

const TABS = [
  { id: "zones", name: "Zones" },
  { id: "destinations", name: "Destinations" },
] as const;

/** `#/routing` and `#/routing/{zone}`. */
export default function RoutingPage({ rest }: PageProps) {
  const { zones } = useScope();
  const { params } = useRoute();
  const [wanted] = rest;
  if (wanted) {
    const zone = zones.find(({ id, name }) => name === wanted || id === wanted);
    if (zone) return <RoutingZonePage key={zone.id} zone={zone} />;
    return (
      <Page title={wanted}>
        <Empty title="There is no such domain in this account">
          <ButtonLink to={href("/routing")}>All zones</ButtonLink>
        </Empty>
      </Page>
    );
  }
  const tab = TABS.find(({ id }) => id === params.get("tab"))?.id ?? "zones";
  return (
    <Page title="Routing" lead="Mail from the world: which addresses take it, and where it goes on to.">
      <Tabs label="What of routing" tabs={TABS} chosen={tab} onChoose={(id) => setParams({ tab: id === "zones" ? undefined : id })}>
        {tab === "zones" ? <RoutingZones /> : <Destinations />}
      </Tabs>
    </Page>
  );
}
