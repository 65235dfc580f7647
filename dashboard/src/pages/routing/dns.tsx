import { useState } from "preact/hooks";
import { get, post } from "../../client/http";
import type { Zone } from "../../client/types/core";
import type { RoutingCheck } from "../../client/types/dns";
import type { RoutingSettings } from "../../client/types/routing";
import { Button } from "../../kit/button";
import { download } from "../../kit/csv";
import { Findings, findingsInShort } from "../../kit/findings";
import { useAction, useLoad } from "../../kit/load";
import { RecordTable, zoneFile } from "../../kit/records";
import { Card, Empty, Failure, Notes, Notice, Skeleton, Time } from "../../kit/show";
import { useMay } from "../../state/session";
import { DnsActions } from "./dns_actions";

interface Props {
  readonly zone: Zone;
  readonly settings: RoutingSettings;
  readonly changed: () => void;
}

/** The records by which the world finds us, with where each stands. */
export function RoutingDns({ zone, settings, changed }: Props) {
  const path = `/zones/${zone.id}/email/routing`;
  const mayEdit = useMay("routing_edit");
  const [notes, setNotes] = useState<readonly string[]>([]);
  const found = useLoad(
    async (signal) => (settings.enabled ? (await get<RoutingCheck>(`${path}/check`, { signal })).result : undefined),
    [path, settings.enabled, settings.locked],
    { every: settings.status === "ready" ? 30_000 : 5_000 },
  );
  const check = useAction(async () => {
    await post(`${path}/check`);
    found.reload();
    changed();
  });
  if (!settings.enabled) {
    return (
      <Card>
        <Empty title="Routing is off">
          <p>Once it is enabled, the records to publish are listed here.</p>
        </Empty>
      </Card>
    );
  }
  const report = found.data?.report;
  const done = (said: readonly string[]) => {
    setNotes(said);
    found.reload();
    changed();
  };
  return (
    <div class="stack">
      <Card
        title={`DNS records of ${zone.name}`}
        actions={
          <>
            {report && (
              <Button small onClick={() => download(`${zone.name}.zone`, "text/plain", zoneFile(report.records))}>
                Zone file
              </Button>
            )}
            {mayEdit && <DnsActions zone={zone} settings={settings} done={done} />}
            {mayEdit && (
              <Button small icon="refresh" busy={check.isRunning} onClick={() => void check.run()}>
                Check now
              </Button>
            )}
          </>
        }
      >
        <p class="soft" role="status">
          {settings.locked ? "Locked: what is changed is put back where the server may do so." : "Unlocked: changes are left alone."}{" "}
          {report && found.data?.checked_on && (
            <>
              {findingsInShort(report.findings)} · looked at <Time at={found.data.checked_on} />
            </>
          )}
        </p>
        <Notes notes={notes} />
        <Failure failure={check.failure ?? found.failure} />
        {!found.data && !found.failure && <Skeleton lines={5} />}
        {found.data && !report && <Notice tone="info">Not looked at yet. Press “Check now”.</Notice>}
        {report && <RecordTable caption={`DNS records of ${zone.name}`} records={report.records} />}
      </Card>
      {report && report.findings.length > 0 && (
        <Card title="What was found">
          <Findings findings={report.findings} />
        </Card>
      )}
    </div>
  );
}
