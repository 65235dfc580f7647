import type { Suppression } from "../../client/types/sending";
import { Button } from "../../kit/button";
import { Time } from "../../kit/show";
import { Table } from "../../kit/table";
import { href } from "../../router";
import { Reason, scopeName } from "./reasons";

interface Props {
  readonly rows: readonly Suppression[];
  readonly mayChange: boolean;
  readonly onEdit: (row: Suppression) => void;
  readonly onRemove: (row: Suppression) => void;
}

export function SuppressionTable({ rows, mayChange, onEdit, onRemove }: Props) {
  return (
    <Table
      caption="Suppressed addresses"
      rows={rows}
      keyOf={({ id }) => id}
      columns={[
        {
          name: "Address",
          cell: ({ email }) => (
            <a href={href("/activity", { recipient: email })} title="Mail to this address">
              {email}
            </a>
          ),
          by: ({ email }) => email,
        },
        { name: "Reason", cell: ({ reason }) => <Reason reason={reason} />, by: ({ reason }) => reason },
        { name: "Applies to", cell: ({ scope }) => scopeName(scope), by: ({ scope }) => scopeName(scope) },
        { name: "Since", cell: ({ created_at }) => <Time at={created_at} />, by: ({ created_at }) => created_at },
        {
          name: "Ends",
          cell: ({ expires_at }) => (expires_at ? <Time at={expires_at} /> : <span class="soft">never</span>),
          by: ({ expires_at }) => expires_at ?? "",
        },
        { name: "Note", minor: true, cell: ({ note }) => note ?? "" },
        {
          name: "Actions",
          cell: (row) => (mayChange ? <Actions row={row} onEdit={onEdit} onRemove={onRemove} /> : <span class="soft">none</span>),
        },
      ]}
    />
  );
}

function Actions({ row, onEdit, onRemove }: Pick<Props, "onEdit" | "onRemove"> & { readonly row: Suppression }) {
  // A complaint is the service's, and can be removed all the same, a few a day.
  const canRemove = !row.read_only || row.reason === "complaint";
  if (!canRemove) return <span class="soft">The operator's</span>;
  return (
    <span class="row row-actions">
      {!row.read_only && (
        <Button small kind="quiet" icon="edit" label={`Edit ${row.email}`} onClick={() => onEdit(row)}>
          {""}
        </Button>
      )}
      <Button small kind="quiet" icon="trash" label={`Remove ${row.email}`} onClick={() => onRemove(row)}>
        {""}
      </Button>
    </span>
  );
}
