import { all, get, patch } from "../../client/http";
import type { Zone } from "../../client/types/core";
import type { DmarcReport, DmarcReporting, DmarcSource, TlsSessions } from "../../client/types/dns";
import { CheckField } from "../../kit/field";
import { useAction, useLoad } from "../../kit/load";
import { Copied } from "../../kit/records";
import { Card, Empty, Failure, Notice, Skeleton } from "../../kit/show";
import { useMay } from "../../state/session";
import { useWindow } from "../../state/window";
import { DmarcReports, Sources, TlsReports } from "./report_tables";

const WRONG: Readonly<Record<string, string>> = {
  "missing-dmarc-report": "There is no DMARC record, so nobody reports.",
  "multiple-dmarc-reports": "There is more than one DMARC record, so that none counts.",
  "missing-dmarc-rua": "The DMARC record names nobody to report to: add the rua= below.",
  "cname-on-dmarc-record": "The alias in the place of the DMARC record leads to none.",
  "unauthorized-reporting-domain": "Whoever the DMARC record names has not agreed to take reports on this domain.",
};

/** What others report about a zone: who sends in its name, and how TLS fared. */
export function Reports({ zone }: { readonly zone: Zone }) {
  const { since, until } = useWindow();
  const base = `/zones/${zone.id}/email/auth`;
  const found = useLoad(
    async (signal) => {
      const query = { since: since.toISOString(), until: until.toISOString() };
      const [sources, reports, tls] = await Promise.all([
        all<DmarcSource>(`${base}/dmarc-reports/sources`, { query, signal }),
        all<DmarcReport>(`${base}/dmarc-reports/reports`, { query, signal }),
        all<TlsSessions>(`${base}/tls-reports`, { query, signal }),
      ]);
      return { sources, reports, tls };
    },
    [zone.id, since.getTime(), until.getTime()],
  );
  return (
    <div class="stack">
      <Reporting zone={zone} />
      <Failure failure={found.failure} again={found.reload} />
      {!found.data && !found.failure && <Skeleton lines={8} />}
      {found.data && (
        <>
          <Sources sources={found.data.sources} />
          <DmarcReports reports={found.data.reports} />
          <TlsReports sessions={found.data.tls} />
        </>
      )}
    </div>
  );
}

/** Whether reports are wanted, and where they go. */
function Reporting({ zone }: { readonly zone: Zone }) {
  const path = `/zones/${zone.id}/email/auth/dmarc-reports`;
  const mayChange = useMay("admin");
  const found = useLoad(async (signal) => (await get<DmarcReporting>(path, { signal })).result, [path]);
  const turn = useAction(async () => {
    await patch(path, { enabled: !found.data?.enabled });
    found.reload();
  });
  const { data } = found;
  return (
    <Card title="Taking reports">
      <Failure failure={found.failure ?? turn.failure} />
      {!data && !found.failure && <Skeleton lines={3} />}
      {data && (
        <>
          <CheckField
            label="Take DMARC and TLS reports on this zone"
            checked={data.enabled}
            disabled={!mayChange || turn.isRunning}
            onChange={() => void turn.run()}
            hint="Receivers tell once a day who sent mail in the name of the zone. Your DNS is not changed by this."
          />
          {data.rua && (
            <p>
              Put into the DMARC record: <Copied text={`rua=${data.rua}`} label="Copy where reports go" />
            </p>
          )}
          {data.enabled && data.status && <Notice tone="warn">{WRONG[data.status] ?? data.status}</Notice>}
          {data.enabled && !data.status && <Notice tone="good">The DMARC record asks for reports.</Notice>}
          {!data.enabled && (
            <Empty title="Reports are off">
              <p>Turn them on and publish the address that is shown then; the first reports come within a day or two.</p>
            </Empty>
          )}
        </>
      )}
    </Card>
  );
}
