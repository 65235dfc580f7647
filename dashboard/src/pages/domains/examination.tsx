import { get } from "../../client/http";
import type { DomainExamination, DomainReport, Finding } from "../../client/types/dns";
import { Button, CopyButton } from "../../kit/button";
import { Findings, findingsInShort } from "../../kit/findings";
import { useLoad } from "../../kit/load";
import { Badge, Card, Facts, Failure, Skeleton, type Tone } from "../../kit/show";
import { SpfTerms } from "./spf";

/** What receivers see of a sending domain, looked at now. */
export function Examination({ path }: { readonly path: string }) {
  const found = useLoad(async (signal) => (await get<DomainExamination>(path, { signal })).result, [path]);
  const seen = found.data;
  return (
    <>
      <Card
        title="How receivers see it"
        actions={
          <>
            {seen && <CopyButton text={JSON.stringify(seen, null, 2)} label="Copy all of it as JSON" />}
            <Button small icon="refresh" busy={found.isLoading} onClick={found.reload}>
              Look again
            </Button>
          </>
        }
      >
        <Failure failure={found.failure} />
        {!seen && !found.failure && <Skeleton lines={9} />}
        <p role="status">
          {seen && (
            <>
              <strong>{seen.sending.domain}</strong>: {findingsInShort(seen.findings)}
            </>
          )}
        </p>
        {seen && <Areas seen={seen} />}
      </Card>
      {seen && seen.findings.length > 0 && (
        <Card title="What was found">
          <Findings findings={seen.findings} />
        </Card>
      )}
      {seen && seen.spf.components.length > 0 && (
        <Card title={`SPF of the return path, ${seen.spf.domain}`}>
          <SpfTerms inspection={seen.spf} />
        </Card>
      )}
    </>
  );
}

/** Each part with whether it is well, and what it is. */
function Areas({ seen }: { readonly seen: DomainExamination }) {
  const { sending, mx, receiving, findings, spf } = seen;
  const { mta_sts: sts, tls_rpt: reports, dane, bimi } = receiving;
  const proven = dane.hosts.filter(({ records }) => records > 0).length;
  const rows: readonly (readonly [name: string, area: string, isThere: boolean, text: string])[] = [
    ["Return path", "return_path", true, hosts(sending.return_path.hosts, "bounces come back to")],
    ["SPF", "spf", true, `${spf.total_lookups} of 10 look-ups`],
    ["DKIM", "dkim", true, keys(sending)],
    ["DMARC", "dmarc", true, policy(sending.dmarc)],
    ["MX", "mx", mx.hosts.length > 0, hosts(mx.hosts, "mail to it goes to") || "takes no mail"],
    ["MTA-STS", "mta_sts", sts.id !== null, sts.mode ? `mode ${sts.mode}, for ${sts.mx.join(", ")}` : "no policy"],
    ["TLS reports", "tls_rpt", reports.length > 0, reports.join(", ") || "go to nobody"],
    ["DANE", "dane", proven > 0, `${proven} of ${dane.hosts.length} hosts with proof`],
    ["BIMI", "bimi", bimi.record !== null, bimi.logo ?? "no logo"],
  ];
  return (
    <Facts
      rows={rows.map(([name, area, isThere, text]) => [name, <Verdict key={area} findings={findings} area={area} isThere={isThere} text={text} />])}
    />
  );
}

function hosts(of: readonly { readonly host: string }[], what: string): string {
  return of.length > 0 ? `${what} ${of.map(({ host }) => host).join(", ")}` : "";
}

function keys({ records }: DomainReport): string {
  const all = records.filter(({ name, type }) => type === "TXT" && name.includes("._domainkey."));
  return `${all.filter(({ state }) => state === "locked").length} of ${all.length} keys found`;
}

function policy({ policy, name, dkim_aligned, spf_aligned }: DomainReport["dmarc"]): string {
  const aligned = [dkim_aligned && "DKIM", spf_aligned && "SPF"].filter(Boolean).join(" and ");
  return `${policy ? `policy ${policy} at ${name}` : "no policy"}; ${aligned ? `aligned by ${aligned}` : "not aligned"}`;
}

interface VerdictProps {
  readonly findings: readonly Finding[];
  readonly area: string;
  readonly isThere: boolean;
  readonly text: string;
}

function Verdict({ findings, area, isThere, text }: VerdictProps) {
  const [tone, word] = verdict(findings.filter((finding) => finding.area === area), isThere);
  return (
    <span class="row">
      <Badge tone={tone}>{word}</Badge>
      <span class="soft">{text}</span>
    </span>
  );
}

/** What is said of a part: the worst that was found of it; what is not there and needs not be is not said to be good. */
export function verdict(findings: readonly Pick<Finding, "severity">[], isThere: boolean): readonly [Tone, string] {
  const has = (severity: Finding["severity"]) => findings.some((finding) => finding.severity === severity);
  if (has("error")) return ["bad", "To mend"];
  if (has("warning")) return ["warn", "Could be better"];
  return isThere ? ["good", "Good"] : ["muted", "Not used"];
}
