import { useState } from "preact/hooks";
import { patch, post, remove } from "../../client/http";
import type { Zone } from "../../client/types/core";
import type { SendingDomain } from "../../client/types/sending";
import { Button } from "../../kit/button";
import { Confirm } from "../../kit/dialog";
import { CheckField } from "../../kit/field";
import { useAction } from "../../kit/load";
import { Card, Facts, Failure, Time } from "../../kit/show";
import { href, navigate } from "../../router";
import { useMay } from "../../state/session";

interface Props {
  readonly zone: Zone;
  readonly path: string;
  readonly domain: SendingDomain;
  readonly changed: () => void;
  readonly onAdd: () => void;
}

type Settings = Partial<Pick<SendingDomain, "drop_suppressed_recipients" | "preview_enabled">>;

export function DomainSettings({ zone, path, domain, changed, onAdd }: Props) {
  const mayChange = useMay("admin");
  const [wanted, setWanted] = useState<Settings>({});
  const [asked, setAsked] = useState<"disable" | "remove">();
  const save = useAction(async () => {
    await patch(path, wanted);
    setWanted({});
    changed();
  });
  const turn = async (to: "enable" | "disable") => {
    await post(`/zones/${zone.id}/email/sending/${to}`, { name: domain.name });
    changed();
  };
  const enable = useAction(() => turn("enable"));
  const value = { ...domain, ...wanted };
  return (
    <Card title="Settings">
      <Facts
        rows={[
          ["Return path", <code key="path">{domain.return_path_domain}</code>],
          ["Added", <Time key="added" at={domain.created} />],
          ["Changed", <Time key="changed" at={domain.modified} />],
        ]}
      />
      <CheckField
        label="Leave suppressed recipients out"
        checked={value.drop_suppressed_recipients}
        disabled={!mayChange}
        onChange={(on) => setWanted({ ...wanted, drop_suppressed_recipients: on })}
        hint="Off: a message to a suppressed address is refused as a whole."
      />
      <CheckField
        label="Keep the beginning of messages"
        checked={value.preview_enabled}
        disabled={!mayChange}
        onChange={(on) => setWanted({ ...wanted, preview_enabled: on })}
        hint="Header, text and HTML up to a bound, shown on the page of a message as long as the log is kept. Whoever may see figures sees them."
      />
      <Failure failure={save.failure ?? enable.failure} />
      {mayChange && (
        <div class="actions">
          <Button kind="primary" busy={save.isRunning} disabled={Object.keys(wanted).length === 0} onClick={() => void save.run()}>
            Save
          </Button>
          <Button onClick={onAdd}>Add another sending domain</Button>
          {domain.enabled ? (
            <Button onClick={() => setAsked("disable")}>Disable</Button>
          ) : (
            <Button busy={enable.isRunning} onClick={() => void enable.run()}>
              Enable
            </Button>
          )}
          <Button kind="danger" icon="trash" onClick={() => setAsked("remove")}>
            Remove
          </Button>
        </div>
      )}
      {asked === "disable" && (
        <Confirm
          title={`Disable sending from ${domain.name}`}
          action="Disable"
          dangerous
          onConfirm={() => turn("disable")}
          onClose={() => setAsked(undefined)}
        >
          <p>
            New messages from {domain.name} are refused from now on. What has been accepted is still delivered. Keys and records stay, so
            enabling it again is all there is to do.
          </p>
        </Confirm>
      )}
      {asked === "remove" && <Removal zone={zone} path={path} domain={domain} changed={changed} onClose={() => setAsked(undefined)} />}
    </Card>
  );
}

function Removal({ zone, path, domain, changed, onClose }: Omit<Props, "onAdd"> & { readonly onClose: () => void }) {
  const [takesOut, setTakesOut] = useState(false);
  const removal = async () => {
    await remove(path, { query: { dns: takesOut ? "remove" : undefined } });
    changed();
    navigate(href(`/domains/${zone.name}`));
  };
  return (
    <Confirm title={`Remove ${domain.name}`} action="Remove" dangerous typed={domain.name} onConfirm={removal} onClose={onClose}>
      <p>
        Nothing is sent from {domain.name} any more, and its DKIM keys are destroyed: coming back means new keys and new records. Bounces
        of mail already sent are no longer understood.
      </p>
      <CheckField
        label="Take its records out of the DNS, too"
        checked={takesOut}
        onChange={setTakesOut}
        hint="Only where the server may change the zone at its name server; nothing is removed if that fails."
      />
    </Confirm>
  );
}
