import { useState } from "preact/hooks";
import { post } from "../../client/http";
import { TextField } from "../../kit/field";
import { FormDialog } from "../../kit/form";
import { CommonFields, NOTHING_SAID, isComplete, shared } from "./scope_fields";

interface Props {
  readonly path: string;
  readonly changed: () => void;
  readonly onClose: () => void;
}

export function AddSuppression({ path, changed, onClose }: Props) {
  const [email, setEmail] = useState("");
  const [common, setCommon] = useState(NOTHING_SAID);
  const add = async () => {
    await post(path, { email: email.trim(), ...shared(common) });
    changed();
  };
  const isReady = email.trim() !== "" && isComplete(common);
  return (
    <FormDialog title="Suppress an address" action="Suppress" isReady={isReady} onSubmit={add} onClose={onClose}>
      <TextField
        label="Address"
        type="email"
        value={email}
        onInput={setEmail}
        required
        autoFocus
        hint="Mail to it is refused or left out from now on, also as name+detail. If it is suppressed already, nothing changes."
      />
      <CommonFields value={common} onChange={setCommon} />
    </FormDialog>
  );
}
