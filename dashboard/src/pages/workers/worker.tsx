import { all, get, part } from "../../client/http";
import type { RoutingRule } from "../../client/types/routing";
import type { Deployment, Secret, Version, WorkerSettings } from "../../client/types/workers";
import { useLoad } from "../../kit/load";
import { Page, Tabs } from "../../kit/page";
import { Failure, Skeleton } from "../../kit/show";
import { href, setParams, useRoute } from "../../router";
import { useAccount } from "../../state/scope";
import { Logs } from "./logs";
import { Overview } from "./overview";
import { Secrets } from "./secrets";
import { TestMail } from "./test_mail";
import { Versions } from "./versions";

const TABS = [
  { id: "overview", name: "Overview" },
  { id: "logs", name: "Live logs" },
  { id: "versions", name: "Versions" },
  { id: "secrets", name: "Secrets" },
] as const;

/** What is known of a Worker. */
export interface Known {
  readonly settings: WorkerSettings;
  readonly deployments: readonly Deployment[];
  readonly versions: readonly Version[];
  readonly secrets: readonly Secret[];
  /** Of the whole account. */
  readonly rules: readonly RoutingRule[];
}

async function known(account: string, path: string, signal: AbortSignal): Promise<Known> {
  const of = async <T,>(rest: string) => (await get<T>(`${path}/${rest}`, { signal })).result;
  const [settings, { deployments }, { items: versions }, secrets, rules] = await Promise.all([
    of<WorkerSettings>("settings"),
    of<{ deployments: Deployment[] }>("deployments"),
    of<{ items: Version[] }>("versions?per_page=100"),
    of<Secret[]>("secrets"),
    all<RoutingRule>(`/accounts/${account}/email/routing/rules`, { signal }).catch(() => []),
  ]);
  return { settings, deployments, versions, secrets, rules };
}

export function WorkerPage({ name }: { readonly name: string }) {
  const account = useAccount();
  const { params } = useRoute();
  const path = `/accounts/${account.id}/workers/scripts/${part(name)}`;
  const tab = TABS.find(({ id }) => id === params.get("tab"))?.id ?? "overview";
  const found = useLoad((signal) => known(account.id, path, signal), [account.id, path], { every: 15_000 });
  const { data } = found;
  return (
    <Page title={name} lead={<a href={href("/workers")}>All Workers</a>}>
      <Tabs label="What of it" tabs={TABS} chosen={tab} onChoose={(id) => setParams({ tab: id === "overview" ? undefined : id })}>
        <Failure failure={found.failure} again={found.reload} />
        {!data && !found.failure && <Skeleton lines={8} />}
        {data && tab === "overview" && (
          <div class="stack">
            <Overview name={name} known={data} />
            <TestMail name={name} rules={data.rules} />
          </div>
        )}
        {data && tab === "logs" && <Logs path={path} name={name} rules={data.rules} />}
        {data && tab === "versions" && <Versions path={path} name={name} known={data} changed={found.reload} />}
        {data && tab === "secrets" && <Secrets path={path} secrets={data.secrets} changed={found.reload} />}
      </Tabs>
    </Page>
  );
}
