import { classText } from "../../client/activity";
import type { Direction, Message, RecipientState } from "../../client/types/activity";
import { count } from "../../kit/format";
import { Badge, Card, Notice, StatusBadge, Time } from "../../kit/show";
import { Table, type Column } from "../../kit/table";
import { href } from "../../router";
import { hintFor } from "./hints";

interface Props {
  readonly message: Message;
  readonly direction: Direction;
}

/** How it stands for each recipient, and what to do about those that it did not reach. */
export function Recipients({ message, direction }: Props) {
  const { recipients, recipient_count } = message;
  const hints = [...new Set(recipients.map(hintFor).filter((hint) => hint !== undefined))];
  return (
    <Card title={recipient_count === 1 ? "Recipient" : `${count(recipient_count)} recipients`}>
      <div class="stack">
        <div class="message-recipients">
          <Table
            caption="Recipients and how they stand"
            columns={direction === "sending" ? SENDING : ROUTING}
            rows={recipients}
            keyOf={(one) => `${one.recipient ?? one.to} ${one.destination ?? ""}`}
          />
        </div>
        {recipient_count > recipients.length && (
          <p class="soft">The first {count(recipients.length)} are shown; the activity log has all of them.</p>
        )}
        {hints.map((hint) => (
          <Notice key={hint} tone="info">
            {hint}
          </Notice>
        ))}
      </div>
    </Card>
  );
}

function Status(one: RecipientState) {
  return (
    <span class="row">
      <StatusBadge status={one.status} />
      {one.class && <span>{classText(one.class)}</span>}
      {one.bounced_late && <Badge tone="bad">Came back later</Badge>}
      {one.complained_at && (
        <Badge tone="bad">
          Complained <Time at={one.complained_at} />
        </Badge>
      )}
      {one.unsubscribed_at && (
        <Badge tone="warn">
          Unsubscribed <Time at={one.unsubscribed_at} />
        </Badge>
      )}
    </span>
  );
}

const SHARED: readonly Column<RecipientState>[] = [
  { name: "Status", cell: Status, by: ({ status }) => status },
  { name: "Last reply", cell: ({ code, reply }) => <span class="message-reply">{reply || code || "none yet"}</span> },
  { name: "Attempts", cell: ({ attempts }) => attempts, by: ({ attempts }) => attempts, numeric: true },
  {
    name: "Next attempt",
    cell: ({ next_attempt_at, updated_at }) => (next_attempt_at ? <Time at={next_attempt_at} /> : <Done at={updated_at} />),
  },
];

function Done({ at }: { readonly at: string }) {
  return (
    <span class="soft">
      settled <Time at={at} />
    </span>
  );
}

const SENDING: readonly Column<RecipientState>[] = [
  { name: "Recipient", cell: ({ recipient }) => recipient ?? "", by: ({ recipient }) => recipient ?? "" },
  ...SHARED,
  {
    name: "Look up",
    cell: ({ recipient = "" }) => (
      <span class="row">
        <a href={href("/activity", { recipient })}>Its mail</a>
        <a href={href("/suppressions", { search: recipient })}>Suppression</a>
      </span>
    ),
  },
];

const ROUTING: readonly Column<RecipientState>[] = [
  { name: "To", cell: ({ to }) => to ?? "", by: ({ to }) => to ?? "" },
  { name: "Goes on to", cell: ({ destination }) => destination ?? "nowhere", by: ({ destination }) => destination ?? "" },
  ...SHARED,
];
