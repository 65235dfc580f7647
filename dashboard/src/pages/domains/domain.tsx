import { get, post } from "../../client/http";
import type { Zone } from "../../client/types/core";
import type { DomainCheck } from "../../client/types/dns";
import type { SendingDomain } from "../../client/types/sending";
import { Button } from "../../kit/button";
import { Findings, findingsInShort } from "../../kit/findings";
import { useAction, useLoad } from "../../kit/load";
import { RecordTable, zoneFile } from "../../kit/records";
import { Card, Failure, Notice, Skeleton, Time } from "../../kit/show";
import { useMay } from "../../state/session";
import { DomainSettings } from "./settings";
import { Keys } from "./keys";
import { Publish } from "./publish";
import { download } from "../../kit/csv";
import { Steps } from "./steps";

interface Props {
  readonly zone: Zone;
  readonly domain: SendingDomain;
  readonly changed: () => void;
  readonly onAdd: () => void;
}

/** A sending domain: the way to its first mail, its records, its keys and settings. */
export function SendingDomainView({ zone, domain, changed, onAdd }: Props) {
  const path = `/zones/${zone.id}/email/sending/subdomains/${domain.tag}`;
  const mayChange = useMay("admin");
  const last = useLoad(async (signal) => (await get<DomainCheck>(`${path}/check`, { signal })).result, [domain.modified], {
    // Whoever has just published records waits for them to be seen.
    every: domain.verified ? 30_000 : 5_000,
  });
  const check = useAction(async () => {
    await post(`${path}/check`);
    last.reload();
    changed();
  });
  const report = last.data?.report;
  const records = report?.records ?? [];
  return (
    <>
      <Steps zone={zone} domain={domain} report={report ?? undefined} />
      <Card
        title={`DNS records of ${domain.name}`}
        actions={
          <>
            {records.length > 0 && (
              <Button small onClick={() => download(`${domain.name}.zone`, "text/plain", zoneFile(records))}>
                Zone file
              </Button>
            )}
            {mayChange && <Publish path={path} name={domain.name} done={() => void check.run()} />}
            {mayChange && (
              <Button small icon="refresh" busy={check.isRunning} onClick={() => void check.run()}>
                Check now
              </Button>
            )}
          </>
        }
      >
        <p class="soft" role="status">
          {last.data?.checked_on ? (
            <>
              {report && findingsInShort(report.findings)} · looked at <Time at={last.data.checked_on} />
            </>
          ) : (
            "Not looked at yet."
          )}
        </p>
        <Failure failure={check.failure ?? last.failure} />
        {!last.data && !last.failure && <Skeleton lines={6} />}
        {last.data && !report && <Notice tone="info">Press “Check now” to see the records and where they stand.</Notice>}
        {records.length > 0 && <RecordTable caption={`DNS records of ${domain.name}`} records={records} />}
      </Card>
      {report && report.findings.length > 0 && (
        <Card title="What was found">
          <Findings findings={report.findings} />
        </Card>
      )}
      <div class="grid">
        <Keys path={path} domain={domain} changed={changed} />
        <DomainSettings zone={zone} path={path} domain={domain} changed={changed} onAdd={onAdd} />
      </div>
    </>
  );
}
