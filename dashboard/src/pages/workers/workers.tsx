import type { PageProps } from "../../app/pages";
import { Page, Tabs } from "../../kit/page";
import { setParams, useRoute } from "../../router";
import { KeyValue } from "./kv";
import { Queues } from "./queues";
import { Scripts } from "./scripts";
import { WorkerPage } from "./worker";
import "./workers.css";

const TABS = [
  { id: "scripts", name: "Scripts" },
  { id: "queues", name: "Queues" },
  { id: "kv", name: "KV" },
] as const;

/** `#/workers` and `#/workers/{name}`. */
export default function WorkersPage({ rest }: PageProps) {
  const { params } = useRoute();
  const [name] = rest;
  if (name) return <WorkerPage key={name} name={name} />;
  const tab = TABS.find(({ id }) => id === params.get("tab"))?.id ?? "scripts";
  const choose = (id: string) => setParams({ tab: id === "scripts" ? undefined : id, ns: undefined, prefix: undefined, cursor: undefined, key: undefined });
  return (
    <Page title="Workers" lead="Your own code for your mail, and what it keeps.">
      <Tabs label="What of Workers" tabs={TABS} chosen={tab} onChoose={choose}>
        {tab === "scripts" && <Scripts />}
        {tab === "queues" && <Queues />}
        {tab === "kv" && <KeyValue />}
      </Tabs>
    </Page>
  );
}
