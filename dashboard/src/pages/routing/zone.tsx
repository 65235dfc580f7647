import { get } from "../../client/http";
import type { Zone } from "../../client/types/core";
import type { RoutingSettings } from "../../client/types/routing";
import { ButtonLink } from "../../kit/button";
import { useLoad } from "../../kit/load";
import { Page, Tabs } from "../../kit/page";
import { Badge, Failure, Skeleton } from "../../kit/show";
import { href, setParams, useRoute } from "../../router";
import { routingState } from "../domains/states";
import { Rules } from "./rules";
import { RoutingDns } from "./dns";
import { RoutingSettingsCard } from "./settings";
import { OnOff } from "./on_off";
import { TryAddress } from "./try_address";

const TABS = [
  { id: "rules", name: "Rules" },
  { id: "dns", name: "DNS records" },
  { id: "settings", name: "Settings" },
] as const;

/** What becomes of mail to one zone. */
export function RoutingZonePage({ zone }: { readonly zone: Zone }) {
  const { params } = useRoute();
  const tab = TABS.find(({ id }) => id === params.get("tab"))?.id ?? "rules";
  const found = useLoad(
    async (signal) => (await get<RoutingSettings>(`/zones/${zone.id}/email/routing`, { signal })).result,
    [zone.id],
    { every: 30_000 },
  );
  const settings = found.data;
  const [tone, text] = routingState(settings);
  const lead = (
    <span class="row">
      <a href={href("/routing")}>All zones</a>
      {settings && <Badge tone={tone}>{text}</Badge>}
    </span>
  );
  const actions = (
    <>
      <ButtonLink to={href(`/domains/${zone.name}`)}>Sending</ButtonLink>
      <ButtonLink to={href("/activity", { zone: zone.id, mail: "routing" })}>Activity</ButtonLink>
    </>
  );
  return (
    <Page title={zone.name} lead={lead} actions={actions}>
      <Failure failure={found.failure} again={found.reload} />
      {!settings && !found.failure && <Skeleton lines={8} />}
      {settings && <OnOff zone={zone} settings={settings} changed={found.reload} />}
      {settings && (
        <Tabs label="What of it" tabs={TABS} chosen={tab} onChoose={(id) => setParams({ tab: id === "rules" ? undefined : id })}>
          {tab === "rules" && (
            <div class="stack">
              <Rules zone={zone} settings={settings} />
              <TryAddress zone={zone} />
            </div>
          )}
          {tab === "dns" && <RoutingDns zone={zone} settings={settings} changed={found.reload} />}
          {tab === "settings" && <RoutingSettingsCard key={settings.id} zone={zone} settings={settings} changed={found.reload} />}
        </Tabs>
      )}
    </Page>
  );
}
