import { useState } from "preact/hooks";
import { post } from "../../client/http";
import type { Zone } from "../../client/types/core";
import type { RoutingSettings } from "../../client/types/routing";
import { Button } from "../../kit/button";
import { Confirm } from "../../kit/dialog";
import { CheckField } from "../../kit/field";

interface Props {
  readonly zone: Zone;
  readonly settings: RoutingSettings;
  /** Told what a person should know besides. */
  readonly done: (notes: readonly string[]) => void;
}

/** Publish, lock and unlock. */
export function DnsActions({ zone, settings, done }: Props) {
  const path = `/zones/${zone.id}/email/routing`;
  const [asked, setAsked] = useState<"publish" | "unlock">();
  const [replace, setReplace] = useState(false);
  const close = () => setAsked(undefined);
  return (
    <>
      <Button small onClick={() => setAsked("publish")}>
        {settings.locked ? "Publish" : "Publish and lock"}
      </Button>
      {settings.locked && (
        <Button small onClick={() => setAsked("unlock")}>
          Unlock
        </Button>
      )}
      {asked === "publish" && (
        <Confirm
          title={`Publish the records of ${zone.name}`}
          action="Publish"
          onConfirm={async () => done((await post(`${path}/dns`, { replace })).notes)}
          onClose={close}
        >
          <p>
            Missing records are added where the server may change the zone at its name server, and put back from then on. An SPF record
            that is there is joined, not replaced.
          </p>
          <CheckField
            label="Replace what is in the way"
            checked={replace}
            onChange={setReplace}
            hint="Takes out MX records of others: mail stops going to the hosts that take it today."
          />
        </Confirm>
      )}
      {asked === "unlock" && (
        <Confirm
          title={`Unlock the records of ${zone.name}`}
          action="Unlock"
          onConfirm={async () => done((await post(`${path}/unlock`)).notes)}
          onClose={close}
        >
          <p>Routing stays on and the records stay where they are, but nobody puts them back when they are changed.</p>
        </Confirm>
      )}
    </>
  );
}
