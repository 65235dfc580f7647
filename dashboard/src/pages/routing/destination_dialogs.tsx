import { useState } from "preact/hooks";
import { post, remove } from "../../client/http";
import type { Destination } from "../../client/types/routing";
import { Confirm } from "../../kit/dialog";
import { TextField } from "../../kit/field";
import { FormDialog } from "../../kit/form";

interface DialogProps {
  readonly path: string;
  readonly changed: () => void;
  readonly onClose: () => void;
}

export function AddDestination({ path, changed, onClose }: DialogProps) {
  const [email, setEmail] = useState("");
  const add = async () => {
    await post(path, { email: email.trim() });
    changed();
  };
  return (
    <FormDialog title="Add a destination" action="Send the link" isReady={email.trim() !== ""} onSubmit={add} onClose={onClose}>
      <TextField
        label="Address"
        type="email"
        value={email}
        onInput={setEmail}
        required
        autoFocus
        hint="Its owner is sent a link, and takes no mail of yours before agreeing."
      />
    </FormDialog>
  );
}

export function RemoveDestination({ path, row, changed, onClose }: DialogProps & { readonly row: Destination }) {
  const removal = async () => {
    await remove(`${path}/${row.id}`);
    changed();
  };
  return (
    <Confirm title={`Remove ${row.email}`} action="Remove" dangerous onConfirm={removal} onClose={onClose}>
      <p>
        Rules that forward to it alone are disabled, and mail for them goes to the catch-all or is refused. To come back, its owner has to
        agree again.
      </p>
    </Confirm>
  );
}
