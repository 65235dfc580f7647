import { useState } from "preact/hooks";
import { patch, post } from "../../client/http";
import type { Zone } from "../../client/types/core";
import type { RoutingSettings } from "../../client/types/routing";
import { Button } from "../../kit/button";
import { Confirm } from "../../kit/dialog";
import { CheckField, SelectField, TextField } from "../../kit/field";
import { useAction } from "../../kit/load";
import { Card, Failure } from "../../kit/show";
import { useMay } from "../../state/session";
import { Beneath } from "./beneath";

interface Props {
  readonly zone: Zone;
  readonly settings: RoutingSettings;
  readonly changed: () => void;
}

export function RoutingSettingsCard({ zone, settings, changed }: Props) {
  const mayEdit = useMay("routing_edit");
  const [isAsking, setAsking] = useState(false);
  return (
    <div class="stack">
      <Behaviour zone={zone} settings={settings} changed={changed} mayEdit={mayEdit} />
      {settings.enabled && <Beneath zone={zone} settings={settings} changed={changed} mayEdit={mayEdit} />}
      {settings.enabled && mayEdit && (
        <Card title="Take no more mail">
          <Button kind="danger" onClick={() => setAsking(true)}>
            Disable routing
          </Button>
          {isAsking && (
            <Confirm
              title={`Disable routing for ${zone.name}`}
              action="Disable"
              dangerous
              typed={zone.name}
              onConfirm={async () => {
                await post(`/zones/${zone.id}/email/routing/disable`);
                changed();
              }}
              onClose={() => setAsking(false)}
            >
              <p>
                Mail for {zone.name} and all domains beneath it is refused from now on. Its records are taken out where the server may do
                so. Rules stay for when it is enabled again; what has been taken still goes on.
              </p>
            </Confirm>
          )}
        </Card>
      )}
    </div>
  );
}

type SpamChoice = "server" | "never" | "own";

function Behaviour({ zone, settings, changed, mayEdit }: Props & { readonly mayEdit: boolean }) {
  const limit = settings.spam_limit;
  const [subaddress, setSubaddress] = useState(settings.support_subaddress);
  const [spam, setSpam] = useState<SpamChoice>(limit === null ? "server" : limit === 0 ? "never" : "own");
  const [points, setPoints] = useState(String(limit || 10));
  const wanted = { server: null, never: 0, own: Number(points) }[spam];
  const isChanged = subaddress !== settings.support_subaddress || wanted !== limit;
  const save = useAction(async () => {
    await patch(`/zones/${zone.id}/email/routing`, { support_subaddress: subaddress, spam_limit: wanted });
    changed();
  });
  return (
    <Card title="How mail is taken">
      <CheckField
        label="Subaddresses"
        checked={subaddress}
        disabled={!mayEdit}
        onChange={setSubaddress}
        hint="Mail to user+detail goes where mail to user goes, unless it has a rule of its own."
      />
      <SelectField
        label="Refuse spam"
        value={spam}
        choices={[
          { value: "server", name: "As the server is configured" },
          { value: "own", name: "Above a score of this zone's own" },
          { value: "never", name: "Never: mark it only" },
        ]}
        onChoose={(value) => setSpam(value as SpamChoice)}
      />
      {spam === "own" && (
        <TextField label="Score" type="number" value={points} onInput={setPoints} hint="In points; more is refused while the sender waits." />
      )}
      <Failure failure={save.failure} />
      {mayEdit && (
        <Button kind="primary" disabled={!isChanged} busy={save.isRunning} onClick={() => void save.run()}>
          Save
        </Button>
      )}
    </Card>
  );
}
