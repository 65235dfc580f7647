import { useState } from "preact/hooks";
import { patch } from "../../client/http";
import type { Suppression } from "../../client/types/sending";
import { TextField } from "../../kit/field";
import { FormDialog } from "../../kit/form";
import { localMoment } from "../../kit/moment";
import { scopeName } from "./reasons";

interface Props {
  readonly path: string;
  readonly row: Suppression;
  readonly changed: () => void;
  readonly onClose: () => void;
}

export function Edit({ path, row, changed, onClose }: Props) {
  const [until, setUntil] = useState(row.expires_at ? localMoment(new Date(row.expires_at)) : "");
  const [note, setNote] = useState(row.note ?? "");
  const save = async () => {
    await patch(`${path}/${row.id}`, { expires_at: until ? new Date(until).toISOString() : null, note: note.trim() });
    changed();
  };
  return (
    <FormDialog title={row.email} action="Save" onSubmit={save} onClose={onClose}>
      <p class="soft">{scopeName(row.scope)}. To suppress it elsewhere, add it again with another scope.</p>
      <TextField
        label="Ends"
        type="datetime-local"
        value={until}
        onInput={setUntil}
        hint="Empty: it stays until somebody removes it."
      />
      <TextField label="Note" value={note} onInput={setNote} />
    </FormDialog>
  );
}
