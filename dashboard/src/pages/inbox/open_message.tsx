import { get, remove } from "../../client/http";
import type { ReceivedContents } from "../../client/types/inbox";
import { Button, ButtonLink } from "../../kit/button";
import { bytes } from "../../kit/format";
import { useAction, useLoad } from "../../kit/load";
import { MailView } from "../../kit/mail/view";
import { Facts, Failure, Skeleton, Time } from "../../kit/show";
import { href } from "../../router";
import { Checks } from "./checks";
import { inboxPath, queueIdOf } from "./path";

interface Props {
  readonly id: string;
  readonly onGone: () => void;
}

/** A received message: who, what, and what would be better otherwise. */
export function OpenMessage({ id, onGone }: Props) {
  const path = inboxPath(id);
  const found = useLoad(async (signal) => (await get<ReceivedContents>(path, { signal })).result, [path]);
  const removal = useAction(async () => {
    await remove(path);
    onGone();
  });
  if (found.failure) return <Failure failure={found.failure} again={found.reload} />;
  if (!found.data) return <Skeleton lines={10} />;
  const message = found.data;
  const queueId = queueIdOf(message.mail_from);
  return (
    <article class="card stack">
      <header class="open-head">
        <h2>{message.subject || "no subject"}</h2>
        <div class="actions">
          <span class="back">
            <ButtonLink small to={href("/inbox")}>
              All messages
            </ButtonLink>
          </span>
          {queueId && (
            <ButtonLink small to={href(`/messages/${queueId}`)}>
              What became of it
            </ButtonLink>
          )}
          <Button small icon="trash" busy={removal.isRunning} onClick={() => void removal.run()}>
            Delete
          </Button>
        </div>
      </header>
      <Failure failure={removal.failure} />
      <Envelope message={message} />
      <Checks checks={message.checks} />
      <MailView content={message} html={`${path}/html`} raw={`${path}/raw`} attachment={(place) => `${path}/attachments/${place}`} />
    </article>
  );
}

function Envelope({ message }: { readonly message: ReceivedContents }) {
  const header = (wanted: string) => message.headers.find(({ name }) => name.toLowerCase() === wanted)?.value;
  return (
    <div class="envelope">
      <Facts
        rows={[
          ["From", message.from],
          ["To", header("to")],
          ["Envelope sender", message.mail_from || "none: it is a report"],
          ["Envelope recipients", message.recipients.join(", ")],
          ["Received", <Time at={message.received_at} full />],
          ["Size", bytes(message.size)],
        ]}
      />
    </div>
  );
}
