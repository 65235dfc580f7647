import { useState } from "preact/hooks";
import { all, patch, post } from "../../client/http";
import type { Destination } from "../../client/types/routing";
import { Button } from "../../kit/button";
import { useAction, useLoad } from "../../kit/load";
import { Badge, Card, Empty, Failure, Notice, Skeleton, Time } from "../../kit/show";
import { Table } from "../../kit/table";
import { useAccount } from "../../state/scope";
import { useMay, useSession } from "../../state/session";
import { AddDestination, RemoveDestination } from "./destination_dialogs";

/** Addresses that mail may go on to, once their owners have agreed. */
export function Destinations() {
  const account = useAccount();
  const { session } = useSession();
  const mayEdit = useMay("routing_edit");
  const [isAdding, setAdding] = useState(false);
  const [leaving, setLeaving] = useState<Destination>();
  const [said, setSaid] = useState<string>();
  const path = `/accounts/${account.id}/email/routing/addresses`;
  const found = useLoad((signal) => all<Destination>(path, { signal }), [path], { every: 15_000 });
  const act = useChosen(async ({ what, row }: Chosen) => {
    if (what === "resend") await post(path, { email: row.email });
    else await patch(`${path}/${row.id}`, { status: "verified" });
    setSaid(what === "resend" ? `Another link is on its way to ${row.email}.` : `${row.email} counts as verified.`);
    found.reload();
  });
  const rows = found.data;
  return (
    <Card
      title="Destination addresses"
      actions={
        mayEdit && (
          <Button kind="primary" icon="plus" onClick={() => setAdding(true)}>
            Add address
          </Button>
        )
      }
    >
      <p class="soft">Rules forward to these only. Whoever owns one is sent a link and has to press the button behind it.</p>
      <div role="status">{said && <Notice tone="good">{said}</Notice>}</div>
      <Failure failure={found.failure ?? act.failure} />
      {!rows && !found.failure && <Skeleton lines={4} />}
      {rows?.length === 0 && (
        <Empty title="No destinations yet">
          <p>Add the mailbox that mail is to be forwarded to.</p>
        </Empty>
      )}
      {rows && rows.length > 0 && (
        <Table
          caption="Destination addresses"
          rows={rows}
          keyOf={({ id }) => id}
          columns={[
            { name: "Address", cell: ({ email }) => email, by: ({ email }) => email },
            {
              name: "State",
              cell: ({ verified }) => <Badge tone={verified ? "good" : "warn"}>{verified ? "Verified" : "Waits for its owner"}</Badge>,
              by: ({ verified }) => (verified ? 1 : 0),
            },
            { name: "Since", cell: ({ verified, created }) => <Time at={verified ?? created} />, by: ({ verified, created }) => verified ?? created },
            {
              name: "Actions",
              cell: (row) =>
                mayEdit && (
                  <span class="row">
                    {!row.verified && (
                      <Button small disabled={act.isRunning} label={`Send again the link to ${row.email}`} onClick={() => act.run({ what: "resend", row })}>
                        Send again
                      </Button>
                    )}
                    {!row.verified && session.operator && (
                      <Button small disabled={act.isRunning} label={`Verify ${row.email}`} onClick={() => act.run({ what: "verify", row })}>
                        Verify
                      </Button>
                    )}
                    <Button small kind="quiet" icon="trash" label={`Remove ${row.email}`} onClick={() => setLeaving(row)}>
                      {""}
                    </Button>
                  </span>
                ),
            },
          ]}
        />
      )}
      {isAdding && <AddDestination path={path} changed={found.reload} onClose={() => setAdding(false)} />}
      {leaving && <RemoveDestination path={path} row={leaving} changed={found.reload} onClose={() => setLeaving(undefined)} />}
    </Card>
  );
}

interface Chosen {
  readonly what: "resend" | "verify";
  readonly row: Destination;
}

/** An action on whatever was chosen. */
function useChosen(act: (chosen: Chosen) => Promise<void>) {
  const [chosen] = useState<{ now?: Chosen }>({});
  const action = useAction(async () => {
    if (chosen.now) await act(chosen.now);
  });
  const run = (now: Chosen) => {
    chosen.now = now;
    void action.run();
  };
  return { ...action, run };
}
