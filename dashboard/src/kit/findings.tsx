// What a look at the DNS found: what to mend first.

import type { Finding } from "../client/types/dns";
import { Badge, Notice, type Tone } from "./show";
import "./findings.css";

const AREAS: Readonly<Record<string, string>> = {
  return_path: "Return path",
  spf: "SPF",
  dkim: "DKIM",
  dmarc: "DMARC",
  mx: "MX",
  routing_mx: "MX of routing",
  mta_sts: "MTA-STS",
  tls_rpt: "TLS reports",
  dane: "DANE",
  bimi: "BIMI",
  reverse_dns: "Reverse DNS",
  block_list: "Block lists",
};

const SEVERITIES: Readonly<Record<Finding["severity"], readonly [Tone, string]>> = {
  error: ["bad", "To mend"],
  warning: ["warn", "Could be better"],
  note: ["info", "To know"],
};

const ORDER: readonly Finding["severity"][] = ["error", "warning", "note"];

export function Findings({ findings }: { readonly findings: readonly Finding[] }) {
  if (findings.length === 0) return <Notice tone="good">Nothing to mend.</Notice>;
  const sorted = [...findings].sort((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity));
  return (
    <ul class="findings">
      {sorted.map(({ area, code, severity, name, message }) => (
        <li key={`${code} ${name} ${message}`}>
          <span class="row">
            <Badge tone={SEVERITIES[severity][0]}>{SEVERITIES[severity][1]}</Badge>
            <strong>{AREAS[area] ?? area}</strong>
            <code class="soft">{name}</code>
          </span>
          <p>{message}</p>
        </li>
      ))}
    </ul>
  );
}

/** "2 to mend, 1 could be better" */
export function findingsInShort(findings: readonly Finding[]): string {
  const many = (severity: Finding["severity"]) => findings.filter((finding) => finding.severity === severity).length;
  return `${many("error")} to mend, ${many("warning")} could be better`;
}
