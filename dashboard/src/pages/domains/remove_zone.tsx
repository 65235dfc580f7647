import { useState } from "preact/hooks";
import { remove } from "../../client/http";
import type { Zone } from "../../client/types/core";
import { Button } from "../../kit/button";
import { Confirm } from "../../kit/dialog";
import { Card, Facts } from "../../kit/show";
import { href, navigate } from "../../router";
import { useScope } from "../../state/scope";
import { useMay } from "../../state/session";

/** What a zone is called, and its end. */
export function RemoveZone({ zone }: { readonly zone: Zone }) {
  const [isAsking, setAsking] = useState(false);
  const { reload } = useScope();
  const mayRemove = useMay("admin");
  const removal = async () => {
    await remove(`/zones/${zone.id}`);
    navigate(href("/domains", { zone: undefined }));
    reload();
  };
  return (
    <Card title="Zone">
      <Facts
        rows={[
          ["Name", zone.name],
          ["Id", <code key="id">{zone.id}</code>],
          ["Account", zone.account.name],
        ]}
      />
      {mayRemove && (
        <p>
          <Button kind="danger" icon="trash" onClick={() => setAsking(true)}>
            Remove {zone.name} from this account
          </Button>
        </p>
      )}
      {isAsking && (
        <Confirm
          title={`Remove ${zone.name}`}
          action="Remove the zone"
          dangerous
          typed={zone.name}
          onConfirm={removal}
          onClose={() => setAsking(false)}
        >
          <p>
            Its sending domains with their keys, its routing with all rules, and what tokens may do with it are gone. Mail for it is
            refused. The log of its mail stays as long as logs are kept.
          </p>
        </Confirm>
      )}
    </Card>
  );
}
