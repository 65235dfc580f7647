import type { AuditRecord } from "../../client/types/accounts";
import { Dialog } from "../../kit/dialog";
import { Facts, Time } from "../../kit/show";
import { Table, type Column } from "../../kit/table";
import { setParams } from "../../router";
import { diff, type FieldChange } from "./diff";
import { ActionBadge, actorOf, KINDS, objectOf } from "./table";

interface Props {
  readonly record: AuditRecord;
  readonly onClose: () => void;
}

const COLUMNS: Column<FieldChange>[] = [
  { name: "Field", cell: ({ field }) => <code>{field}</code>, by: ({ field }) => field },
  { name: "Before", cell: ({ before }) => <Value text={before} /> },
  { name: "After", cell: ({ after }) => <Value text={after} /> },
];

function Value({ text }: { readonly text: string | undefined }) {
  return text === undefined ? <span class="soft">nothing</span> : <code>{text}</code>;
}

/** A change in full: before and after. */
export function ChangeDialog({ record, onClose }: Props) {
  const { when, action, actor, interface: way, resource, oldValueJson, newValueJson } = record;
  const all = () => {
    setParams({ object: resource.id, kind: resource.type, page: undefined }, { replace: false });
    onClose();
  };
  return (
    <Dialog title={objectOf(record)} wide onClose={onClose}>
      <Facts
        rows={[
          ["What was done", <ActionBadge type={action.type} />],
          ["When", <Time at={when} full />],
          ["By", actorOf(record)],
          ["From", actor.ip ?? "the server's machine"],
          ["By way of", way],
          ["Object", `${KINDS[resource.type] ?? resource.type} ${resource.id}`],
        ]}
      />
      <Table caption="Fields that changed" columns={COLUMNS} rows={diff(oldValueJson, newValueJson)} keyOf={({ field }) => field} />
      <footer>
        <button type="button" class="button plain" onClick={all}>
          All changes of this object
        </button>
      </footer>
    </Dialog>
  );
}
