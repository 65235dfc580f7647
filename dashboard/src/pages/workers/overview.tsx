import type { Binding } from "../../client/types/workers";
import { Card, Empty, Facts, Time } from "../../kit/show";
import { Table } from "../../kit/table";
import { href } from "../../router";
import { addressOf, rulesOf } from "./scripts";
import { RuleState } from "../routing/words";
import type { Known } from "./worker";

const KINDS: Readonly<Record<string, string>> = {
  plain_text: "Text",
  json: "JSON",
  secret_text: "Secret",
  send_email: "Sends mail",
  kv_namespace: "KV namespace",
  queue: "Queue",
  analytics_engine: "Analytics Engine",
  version_metadata: "Version",
  data_blob: "Data",
  text_blob: "Text file",
};

/** What a Worker is, what it may use, and which mail it has. */
export function Overview({ name, known }: { readonly name: string; readonly known: Known }) {
  const { settings, deployments, versions, rules } = known;
  const [deployment] = deployments;
  const version = versions.find(({ id }) => id === deployment?.versions[0]?.version_id);
  const own = rulesOf(rules, name);
  const bindings = settings.bindings ?? [];
  return (
    <>
      <div class="grid">
        <Card title="What runs">
          <Facts
            rows={[
              ["Version", version ? `${version.number}` : undefined],
              ["Id", version && <code>{version.id}</code>],
              ["Deployed", deployment && <Time at={deployment.created_on} />],
              ["By", deployment?.author_email],
              ["With", deployment?.source],
              ["Message", deployment?.annotations["workers/message"]],
              ["Compatibility date", settings.compatibility_date],
              ["Flags", settings.compatibility_flags?.join(", ")],
              ["Processor time", settings.limits?.cpu_ms && `${settings.limits.cpu_ms} ms an event`],
            ]}
          />
        </Card>
        <Card title="Which mail it has">
          {own.length === 0 ? (
            <Empty title="No rule names it">
              <p>
                Add a rule that hands mail to it under <a href={href("/routing")}>Routing</a>.
              </p>
            </Empty>
          ) : (
            <Table
              caption={`Rules that hand mail to ${name}`}
              rows={own}
              keyOf={({ id }) => id}
              to={({ zone }) => href(`/routing/${zone.name}`)}
              columns={[
                { name: "Mail to", cell: addressOf, by: addressOf },
                { name: "State", cell: (rule) => <RuleState rule={rule} /> },
              ]}
            />
          )}
        </Card>
      </div>
      <Card title="Bindings">
        {bindings.length === 0 ? (
          <Empty title="It uses nothing but its code" />
        ) : (
          <Table
            caption={`What ${name} may use`}
            rows={bindings}
            keyOf={(binding) => binding.name}
            columns={[
              { name: "Name in env", cell: (binding) => <code>{binding.name}</code>, by: (binding) => binding.name },
              { name: "What", cell: ({ type }) => KINDS[type] ?? type, by: ({ type }) => type },
              { name: "Says", cell: (binding) => <Value binding={binding} /> },
            ]}
          />
        )}
      </Card>
    </>
  );
}

/** Longest value that is shown. */
const SHOWN = 200;

function Value({ binding }: { readonly binding: Binding }) {
  const { type, name: _, namespace_id: namespace, ...more } = binding;
  if (type === "secret_text") return <span class="soft">never shown</span>;
  if (type === "kv_namespace" && typeof namespace === "string") {
    return <a href={href("/workers", { tab: "kv", ns: namespace })}>{namespace}</a>;
  }
  if (type === "queue" && typeof more["queue_name"] === "string") return <a href={href("/workers", { tab: "queues" })}>{more["queue_name"]}</a>;
  const said = Object.values(more).map((value) => (typeof value === "string" ? value : JSON.stringify(value)));
  const text = said.join(" ");
  return <code>{text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text}</code>;
}
