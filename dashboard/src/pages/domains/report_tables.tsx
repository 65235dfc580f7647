import type { DmarcReport, DmarcSource, TlsSessions } from "../../client/types/dns";
import { count, percent } from "../../kit/format";
import { Badge, Card, Empty, Time } from "../../kit/show";
import { Table } from "../../kit/table";

/** From this share on a source is taken to be set up well. */
const GOOD_SHARE = 0.98;

export function Sources({ sources }: { readonly sources: readonly DmarcSource[] }) {
  return (
    <Card title="Who sends in its name">
      {sources.length === 0 && <None />}
      {sources.length > 0 && (
        <Table
          caption="Sources of mail by DMARC reports"
          rows={sources}
          keyOf={({ source_ip, name }) => `${source_ip} ${name}`}
          columns={[
            { name: "Address", cell: ({ source_ip }) => <code>{source_ip ?? "others"}</code>, by: ({ source_ip }) => source_ip ?? "" },
            { name: "Sender", cell: ({ name }) => name ?? <span class="soft">not known</span>, by: ({ name }) => name ?? "" },
            { name: "Messages", numeric: true, cell: ({ total }) => count(total), by: ({ total }) => total },
            { name: "DMARC passes", numeric: true, cell: (row) => <Share part={row.aligned} of={row.total} />, by: (row) => row.aligned / row.total },
            { name: "DKIM", numeric: true, minor: true, cell: (row) => percent(row.dkim_aligned / row.total) },
            { name: "SPF", numeric: true, minor: true, cell: (row) => percent(row.spf_aligned / row.total) },
            { name: "Distrusted", numeric: true, cell: ({ disposition }) => count(disposition.quarantine) },
            { name: "Refused", numeric: true, cell: ({ disposition }) => count(disposition.reject) },
            { name: "Last day", minor: true, cell: ({ last_day }) => last_day, by: ({ last_day }) => last_day },
          ]}
        />
      )}
    </Card>
  );
}

function Share({ part, of }: { readonly part: number; readonly of: number }) {
  const share = of === 0 ? 0 : part / of;
  return <Badge tone={share >= GOOD_SHARE ? "good" : share > 0 ? "warn" : "bad"}>{percent(share)}</Badge>;
}

export function DmarcReports({ reports }: { readonly reports: readonly DmarcReport[] }) {
  return (
    <Card title="DMARC reports">
      {reports.length === 0 && <None />}
      {reports.length > 0 && (
        <Table
          caption="DMARC reports"
          rows={reports}
          keyOf={({ organization, report_id }) => `${organization} ${report_id}`}
          columns={[
            { name: "Who reports", cell: ({ organization }) => organization, by: ({ organization }) => organization },
            { name: "Domain", cell: ({ domain }) => domain, by: ({ domain }) => domain },
            { name: "Time", cell: ({ begin }) => <Time at={begin} full />, by: ({ begin }) => begin },
            { name: "Messages", numeric: true, cell: ({ total }) => count(total), by: ({ total }) => total },
            { name: "DMARC passes", numeric: true, cell: (row) => <Share part={row.aligned} of={row.total} /> },
            { name: "Policy seen", minor: true, cell: ({ policy }) => policy },
            { name: "Report", minor: true, cell: ({ report_id }) => <code class="soft">{report_id}</code> },
          ]}
        />
      )}
    </Card>
  );
}

export function TlsReports({ sessions }: { readonly sessions: readonly TlsSessions[] }) {
  return (
    <Card title="TLS reports">
      {sessions.length === 0 && <None />}
      {sessions.length > 0 && (
        <Table
          caption="TLS sessions with the hosts of the zone"
          rows={sessions}
          keyOf={({ day, policy_type, result_type }) => `${day} ${policy_type} ${result_type}`}
          columns={[
            { name: "Day", cell: ({ day }) => day, by: ({ day }) => day },
            { name: "Policy", cell: ({ policy_type }) => policy_type, by: ({ policy_type }) => policy_type },
            {
              name: "Result",
              cell: ({ result_type: result }) => <Badge tone={result === "success" ? "good" : "bad"}>{result}</Badge>,
              by: ({ result_type }) => result_type,
            },
            { name: "Sessions", numeric: true, cell: ({ sessions }) => count(sessions), by: ({ sessions }) => sessions },
          ]}
        />
      )}
    </Card>
  );
}

function None() {
  return (
    <Empty title="No reports in this time">
      <p>Choose a longer time above, or wait: receivers report once a day.</p>
    </Empty>
  );
}
