import { useState } from "preact/hooks";
import { get } from "../../client/http";
import type { ExplainedRule, ExplainedValue, Explanation, SourceGroup } from "../../client/types/delivery";
import { Button } from "../../kit/button";
import { CheckField, SelectField, TextField } from "../../kit/field";
import { useLoad } from "../../kit/load";
import { Badge, Card, Empty, Facts, Failure, Skeleton } from "../../kit/show";
import { Table, type Column } from "../../kit/table";
import { href, setParams, useRoute } from "../../router";
import { domainPath } from "../queue/site_link";
import { Note } from "./note";

/** Every value for a domain, with the section of the file that decides it. */
export function EffectiveTab() {
  const { params } = useRoute();
  const [domain, source] = [params.get("domain") ?? "", params.get("source") ?? ""];
  const found = useLoad(
    async (signal) => (domain ? get<Explanation>("/delivery/shaping/explain", { query: { domain, source }, signal }) : undefined),
    [domain, source],
  );
  return (
    <div class="stack">
      <Question key={domain} domain={domain} source={source} />
      <Failure failure={found.failure} again={found.reload} />
      {!domain && (
        <Empty title="Name a domain">
          <p>You see each limit and rule for its mail, and which section of the shaping file says so.</p>
        </Empty>
      )}
      {domain && !found.data && !found.failure && <Skeleton lines={8} />}
      {found.data && !found.failure && <Shown explanation={found.data.result} />}
    </div>
  );
}

interface QuestionProps {
  readonly domain: string;
  readonly source: string;
}

function Question({ domain, source }: QuestionProps) {
  const [text, setText] = useState(domain);
  const sources = useLoad((signal) => get<SourceGroup[]>("/delivery/sources", { signal }), []);
  const names = sources.data?.result.map(({ name }) => name) ?? [];
  const submit = (event: Event) => {
    event.preventDefault();
    setParams({ domain: text.trim() }, { replace: false });
  };
  return (
    <form class="filters" role="search" aria-label="Shaping of a domain" onSubmit={submit}>
      <TextField label="Domain" type="search" value={text} onInput={setText} placeholder="gmail.com" />
      <SelectField
        label="From the source"
        value={source}
        choices={[{ value: "", name: "Any" }, ...names.map((value) => ({ value, name: value }))]}
        onChoose={(source) => setParams({ source })}
      />
      <Button type="submit" kind="primary">
        Explain
      </Button>
    </form>
  );
}

const BUILT_IN = "built-in";

function Layer({ layer }: { readonly layer: string }) {
  return <Badge tone={layer === BUILT_IN ? "muted" : "info"}>{layer}</Badge>;
}

const VALUES: readonly Column<ExplainedValue>[] = [
  { name: "Key", cell: ({ key }) => <code class="whole">{key}</code>, by: ({ key }) => key },
  { name: "Value", cell: ({ value }) => <strong>{value}</strong> },
  { name: "Decided by", cell: ({ layer }) => <Layer layer={layer} />, by: ({ layer }) => layer },
  { name: "Note", cell: ({ note }) => <Note text={note} /> },
];

const RULES: readonly Column<ExplainedRule>[] = [
  { name: "Rule", cell: ({ name }) => <span class="whole">{name}</span>, by: ({ name }) => name },
  { name: "What it does", cell: ({ rule }) => rule },
  { name: "Of", cell: ({ layer }) => <Layer layer={layer} />, by: ({ layer }) => layer },
  { name: "Note", cell: ({ note }) => <Note text={note} /> },
];

function Shown({ explanation }: { readonly explanation: Explanation }) {
  const [isAll, setAll] = useState(true);
  const { domain, provider, mx_hosts, values, rules } = explanation;
  const shown = isAll ? values : values.filter(({ layer }) => layer !== BUILT_IN);
  return (
    <>
      <Card title={domain}>
        <Facts
          rows={[
            ["Provider", provider],
            ["Hosts", mx_hosts.join(", ") || "not known"],
            ["Source", explanation.source ?? "any"],
            ["In the queue", domain && <a href={href(domainPath(domain))}>What waits for it</a>],
          ]}
        />
      </Card>
      <Card title="Limits" actions={<CheckField label="Built-in ones too" checked={isAll} onChange={setAll} />}>
        <Table caption="Limits and who decides them" columns={VALUES} rows={shown} keyOf={({ key }) => key} />
      </Card>
      <Card title="Rules, in the order in which they are tried">
        {rules.length === 0 ? (
          <Empty title="No rules on replies" />
        ) : (
          <Table caption="Rules on replies" columns={RULES} rows={rules} keyOf={({ name, layer }) => `${layer} ${name}`} />
        )}
      </Card>
    </>
  );
}
