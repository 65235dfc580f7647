import type { AuditRecord } from "../../client/types/accounts";
import { Button } from "../../kit/button";
import { Badge, Time, type Tone } from "../../kit/show";
import { Table, type Column } from "../../kit/table";
import { diff, inShort } from "./diff";

/** Kinds of objects, for people. */
export const KINDS: Readonly<Record<string, string>> = {
  account: "Account",
  zone: "Zone",
  sending_domain: "Sending domain",
  token: "Token",
  limits: "Limits",
  webhook: "Webhook",
  email_routing: "Routing settings",
  routing_rule: "Routing rule",
  destination_address: "Destination address",
  dmarc_reports: "DMARC reports",
  token_keys: "Keys of tokens",
};

const ACTIONS: Readonly<Record<string, readonly [Tone, string]>> = {
  create: ["good", "Made"],
  update: ["info", "Changed"],
  delete: ["bad", "Removed"],
};

export function ActionBadge({ type }: { readonly type: string }) {
  const [tone, text] = ACTIONS[type] ?? ["muted", type];
  return <Badge tone={tone}>{text}</Badge>;
}

/** Who it was: a token, a user of the server's machine, or the server. */
export function actorOf({ actor, interface: way }: AuditRecord): string {
  if (actor.type === "system") return "the server";
  if (way === "CLI") return `${actor.id ?? "somebody"}, at the server`;
  return actor.name ?? actor.id ?? "somebody";
}

/** What an object is called, as far as its record says. */
export function objectOf({ oldValueJson, newValueJson, resource }: AuditRecord): string {
  for (const value of [newValueJson, oldValueJson]) {
    if (typeof value !== "object" || value === null) continue;
    const { name, email, url } = value as Readonly<Record<string, unknown>>;
    const found = [name, email, url].find((text) => typeof text === "string" && text !== "");
    if (typeof found === "string") return found;
  }
  return resource.id;
}

interface Props {
  readonly records: readonly AuditRecord[];
  readonly onShow: (record: AuditRecord) => void;
}

export function AuditTable({ records, onShow }: Props) {
  const columns: Column<AuditRecord>[] = [
    { name: "When", cell: ({ when }) => <Time at={when} />, by: ({ when }) => when },
    { name: "Who", cell: actorOf, by: actorOf },
    { name: "Did", cell: ({ action }) => <ActionBadge type={action.type} />, by: ({ action }) => action.type },
    {
      name: "What",
      cell: (record) => (
        <>
          {objectOf(record)} <span class="soft">{KINDS[record.resource.type] ?? record.resource.type}</span>
        </>
      ),
      by: ({ resource }) => resource.type,
    },
    {
      name: "Change",
      cell: ({ action, oldValueJson, newValueJson }) =>
        action.type === "update" ? <span class="in-short">{inShort(diff(oldValueJson, newValueJson))}</span> : "",
    },
    {
      name: "Do",
      cell: (record) => (
        <span class="actions tight">
          <Button kind="quiet" small label={`Details of the change of ${objectOf(record)}`} onClick={() => onShow(record)}>
            Details
          </Button>
        </span>
      ),
    },
  ];
  return <Table caption="Changes, the newest first" columns={columns} rows={records} keyOf={({ id }) => id} />;
}
