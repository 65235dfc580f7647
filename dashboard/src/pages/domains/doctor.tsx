import type { Zone } from "../../client/types/core";
import type { SendingSettings } from "../../client/types/sending";
import { SelectField } from "../../kit/field";
import { Card, Empty } from "../../kit/show";
import { setParams, useRoute } from "../../router";
import { Examination } from "./examination";
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
      {domain && <Examination key={domain.tag} path={`/zones/${zone.id}/email/sending/subdomains/${domain.tag}/doctor`} />}
      <PublishedRecords zone={zone} />
      <Card title="From the outside">
        <p>The same in a terminal, with the names of the addresses that mail goes out from and block lists:</p>
        <pre tabIndex={0}>mailwright doctor {zone.name}</pre>
      </Card>
    </div>
  );
}
