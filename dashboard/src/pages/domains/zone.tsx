import type { Zone } from "../../client/types/core";
import type { SendingSettings } from "../../client/types/sending";
import { get } from "../../client/http";
import { ButtonLink } from "../../kit/button";
import { useLoad } from "../../kit/load";
import { Page, Tabs } from "../../kit/page";
import { Failure, Skeleton } from "../../kit/show";
import { href, setParams, useRoute } from "../../router";
import { Doctor } from "./doctor";
import { RemoveZone } from "./remove_zone";
import { Reports } from "./reports";
import { Sending } from "./sending";

const TABS = [
  { id: "sending", name: "Sending" },
  { id: "doctor", name: "Doctor" },
  { id: "reports", name: "Reports" },
  { id: "settings", name: "Settings" },
] as const;

/** One zone: what sends from it, what its DNS says, what others report about it. */
export function ZonePage({ zone }: { readonly zone: Zone }) {
  const { params } = useRoute();
  const tab = TABS.find(({ id }) => id === params.get("tab"))?.id ?? "sending";
  const found = useLoad(
    async (signal) => (await get<SendingSettings>(`/zones/${zone.id}/email/sending`, { signal })).result,
    [zone.id],
    { every: 30_000 },
  );
  const actions = (
    <>
      <ButtonLink to={href(`/routing/${zone.name}`)}>Routing</ButtonLink>
      <ButtonLink to={href("/activity", { zone: zone.id })}>Activity</ButtonLink>
    </>
  );
  return (
    <Page title={zone.name} lead={<a href={href("/domains")}>All domains</a>} actions={actions}>
      <Tabs label="What of it" tabs={TABS} chosen={tab} onChoose={(id) => setParams({ tab: id === "sending" ? undefined : id })}>
        <Failure failure={found.failure} again={found.reload} />
        {!found.data && !found.failure && <Skeleton lines={8} />}
        {found.data && tab === "sending" && <Sending zone={zone} settings={found.data} changed={found.reload} />}
        {found.data && tab === "doctor" && <Doctor zone={zone} settings={found.data} />}
        {tab === "reports" && <Reports zone={zone} />}
        {tab === "settings" && <RemoveZone zone={zone} />}
      </Tabs>
    </Page>
  );
}
