import { useState } from "preact/hooks";
import { post } from "../../client/http";
import type { DkimKey, SendingDomain } from "../../client/types/sending";
import { Button } from "../../kit/button";
import { Confirm } from "../../kit/dialog";
import { Badge, Card, Time, type Tone } from "../../kit/show";
import { Table } from "../../kit/table";
import { useMay } from "../../state/session";

interface Props {
  readonly path: string;
  readonly domain: SendingDomain;
  readonly changed: () => void;
}

const STAGES: Readonly<Record<DkimKey["stage"], readonly [Tone, string]>> = {
  waiting: ["info", "Waits to be published"],
  signing: ["good", "Signs"],
  retiring: ["muted", "Retiring"],
};

/** The keys that a domain's mail is signed with. */
export function Keys({ path, domain, changed }: Props) {
  const [isAsking, setAsking] = useState(false);
  const mayChange = useMay("admin");
  const isRotating = domain.dkim_keys.some(({ stage }) => stage === "waiting");
  const rotate = async () => {
    await post(`${path}/rotate`);
    changed();
  };
  return (
    <Card
      title="DKIM keys"
      actions={
        mayChange && (
          <Button small icon="refresh" disabled={isRotating} onClick={() => setAsking(true)}>
            Rotate keys
          </Button>
        )
      }
    >
      <Table
        caption={`DKIM keys of ${domain.name}`}
        rows={domain.dkim_keys}
        keyOf={({ selector }) => selector}
        columns={[
          { name: "Selector", cell: ({ selector }) => <code>{selector}</code> },
          { name: "Algorithm", cell: ({ algorithm }) => algorithm },
          { name: "State", cell: ({ stage }) => <Badge tone={STAGES[stage][0]}>{STAGES[stage][1]}</Badge> },
          { name: "Since", cell: ({ since }) => <Time at={since} /> },
        ]}
      />
      {isRotating && <p class="soft">New keys wait: publish their records above, then they sign by themselves.</p>}
      {isAsking && (
        <Confirm title="Rotate DKIM keys" action="Make new keys" onConfirm={rotate} onClose={() => setAsking(false)}>
          <p>
            New keys are made with new selectors. Mail goes on being signed with the present ones until the records of the new keys are
            found in the DNS; then these sign, and the old ones retire. Leave the old records until they are gone from the list.
          </p>
        </Confirm>
      )}
    </Card>
  );
}
