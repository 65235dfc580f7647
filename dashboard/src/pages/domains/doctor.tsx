import { useState } from "preact/hooks";
import { get, post } from "../../client/http";
import type { Zone } from "../../client/types/core";
import type { DomainCheck, DomainReport, Finding } from "../../client/types/dns";
import type { SendingSettings } from "../../client/types/sending";
import { Button, CopyButton } from "../../kit/button";
import { SelectField } from "../../kit/field";
import { Findings, findingsInShort } from "../../kit/findings";
import { useAction, useLoad } from "../../kit/load";
import { Badge, Card, Empty, Facts, Failure, Notice, Skeleton, Time, type Tone } from "../../kit/show";
import { setParams, useRoute } from "../../router";
import { useMay } from "../../state/session";
import { PublishedRecords } from "./published";

interface Props {
  readonly zone: Zone;
  readonly settings: SendingSettings;
}

/** Everything that receivers see of a domain, and what to mend. */
export function Doctor({ zone, settings }: Props) {
  const { params } = useRoute();
  const domains = settings.subdomains;
  const domain = domains.find(({ tag }) => tag === params.get("domain")) ?? domains[0];
  return (
    <div class="stack">
      {!domain && (
        <Card>
          <Empty title="Nothing sends from this zone yet">
            <p>What it publishes is shown below all the same.</p>
          </Empty>
        </Card>
      )}
      {domains.length > 1 && domain && (
        <div class="filters">
          <SelectField
            label="Sending domain"
            value={domain.tag}
            choices={domains.map(({ tag, name }) => ({ value: tag, name }))}
            onChoose={(tag) => setParams({ domain: tag })}
          />
        </div>
      )}
      {domain && <Examination key={domain.tag} path={`/zones/${zone.id}/email/sending/subdomains/${domain.tag}/check`} />}
      <PublishedRecords zone={zone} />
      <Card title="From the outside">
        <p>The same in a terminal, with the domain's own MX, MTA-STS, DANE, BIMI, the names of our addresses and block lists:</p>
        <pre tabIndex={0}>mailwright doctor {zone.name}</pre>
      </Card>
    </div>
  );
}

function Examination({ path }: { readonly path: string }) {
  const mayCheck = useMay("admin");
  const [turn, setTurn] = useState(0);
  const found = useLoad(async (signal) => (await get<DomainCheck>(path, { signal })).result, [path, turn]);
  const check = useAction(async () => {
    await post(path);
    setTurn((turn) => turn + 1);
  });
  const report = found.data?.report;
  return (
    <Card
      title="How receivers see it"
      actions={
        <>
          {found.data && <CopyButton text={JSON.stringify(found.data.report, null, 2)} label="Copy the report as JSON" />}
          {mayCheck && (
            <Button small icon="refresh" busy={check.isRunning} onClick={() => void check.run()}>
              Check now
            </Button>
          )}
        </>
      }
    >
      <Failure failure={check.failure ?? found.failure} />
      {!found.data && !found.failure && <Skeleton lines={5} />}
      {found.data && !report && <Notice tone="info">Not looked at yet. Press “Check now”.</Notice>}
      {report && found.data?.checked_on && (
        <div class="stack">
          <p role="status">
            <strong>{report.domain}</strong>: {findingsInShort(report.findings)} · looked at <Time at={found.data.checked_on} />
          </p>
          <Areas report={report} />
          {report.findings.length > 0 && <Findings findings={report.findings} />}
        </div>
      )}
    </Card>
  );
}

/** The four that a sending domain stands on. */
function Areas({ report }: { readonly report: DomainReport }) {
  const { findings, dmarc, return_path: back, records } = report;
  const keys = records.filter(({ name, type }) => type === "TXT" && name.includes("._domainkey."));
  const found = keys.filter(({ state }) => state === "locked").length;
  const hosts = back.hosts.map(({ host }) => host).join(", ");
  return (
    <Facts
      rows={[
        ["Return path", <Verdict key="back" findings={findings} area="return_path" text={hosts ? `bounces come back to ${hosts}` : ""} />],
        ["SPF", <Verdict key="spf" findings={findings} area="spf" text="of the return path" />],
        ["DKIM", <Verdict key="dkim" findings={findings} area="dkim" text={`${found} of ${keys.length} keys found`} />],
        ["DMARC", <Verdict key="dmarc" findings={findings} area="dmarc" text={policy(dmarc)} />],
      ]}
    />
  );
}

function policy({ policy, name, dkim_aligned, spf_aligned }: DomainReport["dmarc"]): string {
  const aligned = [dkim_aligned && "DKIM", spf_aligned && "SPF"].filter(Boolean).join(" and ");
  return `${policy ? `policy ${policy} at ${name}` : "no policy"}; ${aligned ? `aligned by ${aligned}` : "not aligned"}`;
}

interface VerdictProps {
  readonly findings: readonly Finding[];
  readonly area: string;
  readonly text: string;
}

function Verdict({ findings, area, text }: VerdictProps) {
  const own = findings.filter((finding) => finding.area === area).map(({ severity }) => severity);
  const [tone, word]: readonly [Tone, string] = own.includes("error")
    ? ["bad", "To mend"]
    : own.includes("warning")
      ? ["warn", "Could be better"]
      : ["good", "Good"];
  return (
    <span class="row">
      <Badge tone={tone}>{word}</Badge>
      <span class="soft">{text}</span>
    </span>
  );
}
