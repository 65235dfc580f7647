import { useState } from "preact/hooks";
import { post } from "../../client/http";
import type { Zone } from "../../client/types/core";
import type { RoutingSettings } from "../../client/types/routing";
import { Button } from "../../kit/button";
import { Confirm } from "../../kit/dialog";
import { Notes, Notice } from "../../kit/show";
import { href } from "../../router";
import { useMay } from "../../state/session";

interface Props {
  readonly zone: Zone;
  readonly settings: RoutingSettings;
  readonly changed: () => void;
}

/** Whether the zone takes mail, and the way to have it so. */
export function OnOff({ zone, settings, changed }: Props) {
  const [isAsking, setAsking] = useState(false);
  const [notes, setNotes] = useState<readonly string[]>([]);
  const mayEdit = useMay("routing_edit");
  const enable = async () => {
    const { notes } = await post(`/zones/${zone.id}/email/routing/enable`);
    setNotes(notes);
    changed();
  };
  return (
    <div>
      {!settings.enabled && (
        <Notice tone="info">
          <p>{zone.name} takes no mail. Rules can be made before it does.</p>
          {mayEdit && (
            <Button small kind="primary" onClick={() => setAsking(true)}>
              Enable routing
            </Button>
          )}
        </Notice>
      )}
      {settings.enabled && settings.status !== "ready" && (
        <Notice tone={settings.status === "unlocked" ? "info" : "warn"}>
          <p>
            {settings.status === "unlocked"
              ? "Its records are not looked after: whatever happens to them is left so."
              : "The world does not find all records yet, so mail may not come here."}
          </p>
          <p>
            <a href={href(`/routing/${zone.name}`, { tab: "dns" })}>See its DNS records</a>
          </p>
        </Notice>
      )}
      <Notes notes={notes} />
      {isAsking && (
        <Confirm title={`Take mail for ${zone.name}`} action="Enable" onConfirm={enable} onClose={() => setAsking(false)}>
          <p>
            This server takes mail for {zone.name} from now on, as far as rules have it. MX, SPF and a DKIM key are published where the
            server may change the zone at its name server; otherwise they are listed for you to publish. Once they are, mail no longer
            goes to the hosts that take it today.
          </p>
        </Confirm>
      )}
    </div>
  );
}
