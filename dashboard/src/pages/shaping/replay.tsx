import { useState } from "preact/hooks";
import { post } from "../../client/http";
import type { ReplayedSite, ReplayReport } from "../../client/types/delivery";
import { Button } from "../../kit/button";
import { SelectField, TextField } from "../../kit/field";
import { count, counted } from "../../kit/format";
import { useAction } from "../../kit/load";
import { Card, Empty, Failure, Time } from "../../kit/show";
import { Table, type Column } from "../../kit/table";

const SINCE = [
  { value: "1h", name: "the last hour" },
  { value: "24h", name: "the last day" },
  { value: "7d", name: "the last week" },
];

const EXAMPLE = `[default]
connections = 10

[domain."partner.example"]
message_rate = "60/min"`;

/** What another shaping file would have done with what happened. Nothing changes. */
export function ReplayTab() {
  const [shaping, setShaping] = useState("");
  const [since, setSince] = useState("24h");
  const [report, setReport] = useState<ReplayReport>();
  const act = useAction(async () => {
    setReport(undefined);
    setReport((await post<ReplayReport>("/delivery/shaping/replay", { shaping, since })).result);
  });
  const submit = (event: Event) => {
    event.preventDefault();
    void act.run();
  };
  return (
    <div class="stack">
      <form onSubmit={submit}>
        <TextField
          label="A shaping file"
          lines={12}
          value={shaping}
          onInput={setShaping}
          placeholder={EXAMPLE}
          hint="It is tried on what happened; nothing changes. What answered what is taken as it was; concurrency and connection rates are not replayed."
        />
        <SelectField label="On what happened in" value={since} choices={SINCE} onChoose={setSince} />
        <Button type="submit" kind="primary" busy={act.isRunning} disabled={!shaping.trim()}>
          Try it
        </Button>
      </form>
      <Failure failure={act.failure} />
      <div role="status" class="stack">
        {report && <Report report={report} />}
      </div>
    </div>
  );
}

const SITES: readonly Column<ReplayedSite>[] = [
  { name: "Provider", cell: ({ provider }) => provider, by: ({ provider }) => provider },
  { name: "Site", cell: ({ site }) => site, by: ({ site }) => site },
  { name: "Source", cell: ({ source }) => source, by: ({ source }) => source, minor: true },
  { name: "Attempts", cell: ({ attempts }) => count(attempts), by: ({ attempts }) => attempts, numeric: true },
  { name: "Delivered", cell: ({ delivered }) => count(delivered), by: ({ delivered }) => delivered, numeric: true },
  { name: "Held back", cell: ({ held_back }) => count(held_back), by: ({ held_back }) => held_back, numeric: true },
  { name: "Longest", cell: ({ longest_delay }) => longest_delay, numeric: true },
  { name: "Refusals spared", cell: ({ spared }) => count(spared), by: ({ spared }) => spared, numeric: true },
  { name: "Postponed", cell: ({ postponed }) => count(postponed), by: ({ postponed }) => postponed, numeric: true },
];

type Fired = ReplayReport["fired"][number];

const FIRED: readonly Column<Fired>[] = [
  { name: "When", cell: ({ at }) => <Time at={at} full />, by: ({ at }) => at },
  { name: "Rule", cell: ({ rule }) => rule, by: ({ rule }) => rule },
  { name: "Site", cell: ({ site }) => site, by: ({ site }) => site },
  { name: "What it would have done", cell: ({ action }) => action },
  { name: "Until", cell: ({ until }) => <Time at={until} full />, by: ({ until }) => until },
];

function Report({ report: { sites, fired } }: { readonly report: ReplayReport }) {
  if (sites.length === 0) {
    return (
      <Empty title="Nothing was attempted in that time">
        <p>Choose a longer one, or come back when mail has gone out.</p>
      </Empty>
    );
  }
  return (
    <>
      <Card title="By site">
        <Table caption="What would have become of the mail" columns={SITES} rows={sites} keyOf={({ site, source }) => `${site} ${source}`} />
      </Card>
      <Card title={counted(fired.length, "rule would have fired", "rules would have fired")}>
        {fired.length > 0 && (
          <Table caption="Rules that would have fired" columns={FIRED} rows={fired} keyOf={({ at, rule, site, source }) => `${at} ${rule} ${site} ${source}`} />
        )}
      </Card>
    </>
  );
}
