import { useState } from "preact/hooks";
import { get, part, post } from "../../client/http";
import type { Holding, Message } from "../../client/types/activity";
import { Button } from "../../kit/button";
import { Confirm } from "../../kit/dialog";
import { count } from "../../kit/format";
import { useLoad } from "../../kit/load";
import { Card, Failure, Notice, Skeleton, Time } from "../../kit/show";
import { REASONS } from "./hints";

const EVERY = 5_000;

interface Changed {
  readonly changed: number;
  readonly in_flight: number;
}

interface Props {
  readonly message: Message;
  /** Something was ordered. */
  readonly onChanged: () => void;
}

/** Why it has not gone yet, and what an operator can do about it. */
export function Waiting({ message, onChanged }: Props) {
  const [asks, setAsks] = useState<"retry" | "cancel">();
  const [said, setSaid] = useState<string>();
  const path = `/delivery/queue/messages/${part(message.id)}/why`;
  const why = useLoad(async (signal) => (await get<Holding[]>(path, { signal })).result, [path], { every: EVERY });
  const order = async (what: "retry" | "cancel") => {
    const { result } = await post<Changed>(`/delivery/queue/${what}`, { id: message.id });
    setSaid(told(what, result));
    why.reload();
    onChanged();
  };
  const actions = (
    <>
      <Button icon="refresh" onClick={() => setAsks("retry")}>
        Try now
      </Button>
      <Button kind="danger" onClick={() => setAsks("cancel")}>
        Cancel delivery
      </Button>
    </>
  );
  return (
    <Card title="Why it waits" actions={actions}>
      <div role="status">{said && <Notice tone="good">{said}</Notice>}</div>
      <Failure failure={why.data ? undefined : why.failure} again={why.reload} />
      {!why.data && !why.failure && <Skeleton lines={2} />}
      <ul class="waiting">
        {why.data?.map((holding) => <Held key={holding.domain} holding={holding} />)}
      </ul>
      {asks === "retry" && (
        <Confirm title="Try it now" action="Try now" onConfirm={() => order("retry")} onClose={() => setAsks(undefined)}>
          <p>All that waits of this message is tried at once. Limits of the receiver and suspensions still hold.</p>
        </Confirm>
      )}
      {asks === "cancel" && (
        <Confirm
          title="Cancel delivery"
          action="Cancel delivery"
          dangerous
          onConfirm={() => order("cancel")}
          onClose={() => setAsks(undefined)}
        >
          <p>Recipients that it has not reached get nothing and count as failed. This cannot be undone.</p>
        </Confirm>
      )}
    </Card>
  );
}

function Held({ holding }: { readonly holding: Holding }) {
  const { domain, recipients, reason, detail, until } = holding;
  return (
    <li>
      <p>
        <strong>{domain}</strong> ({count(recipients)} {recipients === 1 ? "recipient" : "recipients"}):{" "}
        {REASONS[reason] ?? reason}
        {until && (
          <>
            , <Time at={until} />
          </>
        )}
        .
      </p>
      {detail && <p class="message-reply">{detail}</p>}
    </li>
  );
}

function told(what: "retry" | "cancel", { changed, in_flight }: Changed): string {
  const done = what === "retry" ? "is tried now" : "was cancelled";
  const busy = in_flight > 0 ? " What is being delivered at this moment could not be changed." : "";
  return changed > 0 ? `It ${done}.${busy}` : `Nothing was changed.${busy}`;
}
