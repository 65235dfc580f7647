import { classText } from "../../client/activity";
import type { Direction, Line } from "../../client/types/activity";
import type { CsvColumn } from "../../kit/csv";
import { StatusBadge, Time } from "../../kit/show";
import type { Column } from "../../kit/table";
import { href } from "../../router";

/** Where a message is shown in full. */
export function messageTo(id: string, direction: Direction, all: boolean): string {
  return href(`/messages/${id}`, { mail: direction === "routing" ? "routing" : undefined, all: all ? "1" : undefined });
}

/** The address that a line is about. */
export const addressOf = (line: Pick<Line, "recipient" | "to">): string => line.recipient ?? line.to ?? "";

/** Lines have no name of their own: a message goes to an address of ours and a place that it goes on to. */
export const keyOf = (line: Line): string => `${line.id} ${addressOf(line)} ${line.destination ?? ""}`;

/** What may be long is cut, and told in full where people point. */
const cut = (text: string, width: "wide" | "narrow") => (
  <span class={`activity-cut ${width}`} title={text}>
    {text}
  </span>
);

const subject = (line: Line) => (line.subject ? cut(line.subject, "wide") : <span class="soft">no subject</span>);
const address = (line: Line) => cut(addressOf(line), "wide");
const author = ({ from, envelope_from }: Line) => cut(from || envelope_from || "no sender", "narrow");

function status(line: Line) {
  return (
    <span class="activity-status">
      <StatusBadge status={line.status} />
      {line.class && <span class="soft">{classText(line.class)}</span>}
      {line.bounced_late && <span class="soft">came back later</span>}
      {line.complained_at && <span class="soft">complained</span>}
      {line.unsubscribed_at && <span class="soft">unsubscribed</span>}
      {line.status === "sent" && line.next_attempt_at && (
        <span class="soft">
          try {line.attempts + 1} <Time at={line.next_attempt_at} />
        </span>
      )}
    </span>
  );
}

const SHARED: readonly Column<Line>[] = [
  { name: "Subject", cell: subject, by: (line) => line.subject ?? "" },
  { name: "Status", cell: status, by: (line) => line.status },
];
const LAST: readonly Column<Line>[] = [
  {
    name: "Last reply",
    cell: ({ code, reply }) => <span class="soft">{cut(reply || code, "narrow")}</span>,
    minor: true,
  },
  {
    name: "Accepted",
    cell: (line) => (
      <span class="activity-time">
        <Time at={line.accepted_at} />
      </span>
    ),
    by: (line) => line.accepted_at,
  },
];

/** Columns of the log. Operators who look at everybody's mail see whose it is. */
export function columns(direction: Direction, nameOf: ((account: string) => string) | undefined): readonly Column<Line>[] {
  const whose: readonly Column<Line>[] = nameOf
    ? [{ name: "Account", cell: ({ account_id }) => cut(account_id ? nameOf(account_id) : "none", "narrow"), minor: true }]
    : [];
  if (direction === "sending") {
    return [
      { name: "Recipient", cell: address, by: addressOf },
      ...SHARED,
      { name: "From", cell: author, by: ({ from }) => from, minor: true },
      ...whose,
      ...LAST,
    ];
  }
  return [
    { name: "To", cell: address, by: addressOf },
    { name: "From", cell: author, by: ({ from }) => from },
    ...SHARED,
    { name: "Goes on to", cell: ({ destination }) => cut(destination ?? "", "narrow"), minor: true },
    { name: "DMARC", cell: ({ dmarc }) => dmarc ?? "", by: ({ dmarc }) => dmarc ?? "", minor: true },
    ...whose,
    ...LAST,
  ];
}

const names: Readonly<Record<Direction, readonly (keyof Line)[]>> = {
  sending: ["from", "recipient", "sending_domain", "campaign", "complained_at", "unsubscribed_at"],
  routing: ["from", "envelope_from", "to", "destination", "spf", "dkim", "dmarc", "arc", "spam_score", "client_address"],
};

/** Columns of a file: the API's names, everything that the list has. */
export function csvColumns(direction: Direction): readonly CsvColumn<Line>[] {
  const all: readonly (keyof Line)[] = [
    "accepted_at",
    "updated_at",
    "status",
    ...names[direction],
    "subject",
    "class",
    "code",
    "reply",
    "attempts",
    "next_attempt_at",
    "bounced_late",
    "id",
    "message_id",
    "account_id",
    "zone_id",
    "size",
  ];
  return all.map((name) => ({ name, value: (line) => line[name] }));
}
