import { useState } from "preact/hooks";
import { get } from "../../client/http";
import type { Zone } from "../../client/types/core";
import type { DmarcReporting, MailRecord } from "../../client/types/dns";
import { Button } from "../../kit/button";
import { useLoad } from "../../kit/load";
import { Card, Empty, Failure, Skeleton } from "../../kit/show";
import { SpfTree } from "./spf";

const LISTS: readonly (readonly [string, string])[] = [
  ["spf_records", "SPF"],
  ["cname_spf_records", "Alias in the place of SPF"],
  ["dkim_records", "DKIM"],
  ["cname_dkim_records", "Alias in the place of DKIM keys"],
  ["dmarc_records", "DMARC"],
  ["cname_dmarc_records", "Alias in the place of DMARC"],
  ["bimi_records", "BIMI"],
];

/** What a zone publishes about its mail, looked at now. */
export function PublishedRecords({ zone }: { readonly zone: Zone }) {
  const found = useLoad(
    async (signal) => (await get<DmarcReporting>(`/zones/${zone.id}/email/auth/dmarc-reports`, { signal })).result,
    [zone.id],
  );
  const records = found.data?.records ?? {};
  const shown = LISTS.flatMap(([list, name]) => (records[list] ?? []).map((record) => ({ name, record })));
  return (
    <Card
      title={`What ${zone.name} publishes`}
      actions={
        <Button small icon="refresh" busy={found.isLoading} onClick={found.reload}>
          Look again
        </Button>
      }
    >
      <Failure failure={found.failure} />
      {!found.data && !found.failure && <Skeleton lines={4} />}
      {found.data && shown.length === 0 && (
        <Empty title="Nothing about mail">
          <p>No SPF, DKIM, DMARC or BIMI records were found at {zone.name}.</p>
        </Empty>
      )}
      <div class="published-records">
        {shown.map(({ name, record }) => (
          <Published key={`${record.name} ${record.content}`} zone={zone} name={name} record={record} />
        ))}
      </div>
    </Card>
  );
}

function Published({ zone, name, record }: { readonly zone: Zone; readonly name: string; readonly record: MailRecord }) {
  const [isOpen, setOpen] = useState(false);
  const isSpf = name.endsWith("SPF") && record.id;
  return (
    <section>
      <div class="row">
        <h3>{name}</h3>
        <code class="soft">{record.name}</code>
        {isSpf && (
          <Button small pressed={isOpen} onClick={() => setOpen(!isOpen)}>
            {isOpen ? "Hide what it leads to" : "What it leads to"}
          </Button>
        )}
      </div>
      <pre tabIndex={0}>{[record.content, ...(record.resolved ?? []).map((text) => `→ ${text}`)].join("\n")}</pre>
      {isOpen && record.id && <SpfTree zone={zone} id={record.id} />}
    </section>
  );
}
