import type { Direction, Message } from "../../client/types/activity";
import { CopyButton } from "../../kit/button";
import { bytes } from "../../kit/format";
import { Card, Facts, Time } from "../../kit/show";
import { useScope } from "../../state/scope";

const ORIGINS: Readonly<Record<string, string>> = {
  api: "the API",
  submission: "SMTP, with a login",
  relay: "SMTP, from a trusted network",
  report: "ourselves: a report",
  routing: "the world",
  worker: "a Worker",
};

interface Props {
  readonly message: Message;
  readonly direction: Direction;
}

/** Who wrote it, when, and what it is. */
export function Summary({ message, direction }: Props) {
  const { accounts } = useScope();
  const account = accounts.find(({ id }) => id === message.account_id);
  const client = [message.helo, message.client_address && `[${message.client_address}]`].filter(Boolean).join(" ");
  return (
    <Card title="Message">
      <Facts
        rows={[
          [direction === "sending" ? "Accepted" : "Came", <TwoTimes at={message.accepted_at} />],
          ["From", message.from || "no author"],
          ["Envelope sender", message.envelope_from || "none: it is a report"],
          ["Came from", client],
          ["By way of", message.origin && (ORIGINS[message.origin] ?? message.origin)],
          ["Account", account?.name ?? message.account_id],
          ["Campaign", message.campaign],
          ["Size", message.size > 0 && bytes(message.size)],
          ["Id", <Copied text={message.id} />],
          ["Message-ID", message.message_id && <Copied text={message.message_id} />],
          ["Begins with", message.preview],
        ].map(([name, value]) => [name as string, value || undefined])}
      />
    </Card>
  );
}

function TwoTimes({ at }: { readonly at: string }) {
  return (
    <>
      <Time at={at} /> <span class="soft">(</span>
      <Time at={at} full />
      <span class="soft">)</span>
    </>
  );
}

function Copied({ text }: { readonly text: string }) {
  return (
    <>
      <code>{text}</code> <CopyButton text={text} label={`Copy ${text}`} />
    </>
  );
}
