import type { Token } from "../../client/types/accounts";
import { Button } from "../../kit/button";
import { Badge, Time } from "../../kit/show";
import { Table, type Column } from "../../kit/table";
import { useScope } from "../../state/scope";
import { useSession } from "../../state/session";
import { nameOf, reachOf } from "./reach";
import type { Asked } from "./token_dialog";

interface Props {
  readonly tokens: readonly Token[];
  readonly onAsk: (asked: Asked) => void;
}

export function TokenTable({ tokens, onAsk }: Props) {
  const { session } = useSession();
  const columns: Column<Token>[] = [
    {
      name: "Token",
      cell: ({ id, name }) => (
        <>
          {name} {id === session.token.id && <Badge tone="info">This session</Badge>}
        </>
      ),
      by: ({ name }) => name,
    },
    { name: "May", cell: (token) => <Permissions token={token} /> },
    { name: "Zones", cell: (token) => <Zones token={token} /> },
    {
      name: "Last used",
      cell: ({ last_used_on }) => (last_used_on ? <Time at={last_used_on} /> : "never"),
      by: ({ last_used_on }) => last_used_on ?? "",
    },
    { name: "Expires", cell: (token) => <Expiry token={token} />, by: ({ expires_on }) => expires_on ?? "9" },
    { name: "Made", cell: ({ issued_on }) => <Time at={issued_on} />, by: ({ issued_on }) => issued_on, minor: true },
    {
      name: "Do",
      cell: (token) => (
        <span class="actions tight">
          <Button kind="quiet" small label={`Roll ${token.name}`} onClick={() => onAsk({ kind: "roll", token })}>
            Roll
          </Button>
          <Button kind="quiet" small label={`Delete ${token.name}`} onClick={() => onAsk({ kind: "delete", token })}>
            Delete
          </Button>
        </span>
      ),
    },
  ];
  return <Table caption="Tokens of the account" columns={columns} rows={tokens} keyOf={({ id }) => id} />;
}

function Permissions({ token }: { readonly token: Token }) {
  return (
    <span class="permissions">
      {reachOf(token).permissions.map((name) => (
        <Badge key={name} tone={name === "operator" || name === "admin" ? "warn" : "muted"}>
          {nameOf(name)}
        </Badge>
      ))}
    </span>
  );
}

function Zones({ token }: { readonly token: Token }) {
  const { zones } = useScope();
  const own = reachOf(token).zones;
  if (!own) return <>all</>;
  return <>{own.map((id) => zones.find((zone) => zone.id === id)?.name ?? id).join(", ")}</>;
}

function Expiry({ token: { status, expires_on, not_before, previous_value_until } }: { readonly token: Token }) {
  const isEarly = not_before !== null && new Date(not_before) > new Date();
  return (
    <>
      {status === "expired" && <Badge tone="bad">Expired</Badge>} {expires_on ? <Time at={expires_on} /> : "never"}
      {isEarly && (
        <p class="soft">
          good from <Time at={not_before} />
        </p>
      )}
      {previous_value_until && new Date(previous_value_until) > new Date() && (
        <p class="soft">
          the value before is good until <Time at={previous_value_until} />
        </p>
      )}
    </>
  );
}
