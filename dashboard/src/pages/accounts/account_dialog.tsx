import { useState } from "preact/hooks";
import { part, put, remove } from "../../client/http";
import type { Account } from "../../client/types/core";
import { Confirm } from "../../kit/dialog";
import { TextField } from "../../kit/field";
import { FormDialog } from "../../kit/form";
import { LimitsDialog } from "./limits_dialog";

/** What somebody wants to do with an account. */
export interface Asked {
  readonly kind: "limits" | "rename" | "delete";
  readonly account: Account;
}

interface Props {
  readonly asked: Asked;
  readonly onChange: () => void;
  readonly onClose: () => void;
}

export function AccountDialog({ asked: { kind, account }, onChange, onClose }: Props) {
  if (kind === "limits") return <LimitsDialog account={account} onClose={onClose} />;
  if (kind === "rename") return <Rename account={account} onChange={onChange} onClose={onClose} />;
  const confirm = async () => {
    await remove(`/accounts/${part(account.id)}`);
    onChange();
  };
  return (
    <Confirm title={`Delete ${account.name}`} action="Delete it" dangerous typed={account.name} onConfirm={confirm} onClose={onClose}>
      <p>Its tokens, webhooks, destination addresses and limits go with it. An account that still has zones is not deleted. This cannot be undone.</p>
    </Confirm>
  );
}

type OneProps = Omit<Props, "asked"> & { readonly account: Account };

function Rename({ account, onChange, onClose }: OneProps) {
  const [name, setName] = useState(account.name);
  const submit = async () => {
    await put(`/accounts/${part(account.id)}`, { name: name.trim() });
    onChange();
  };
  return (
    <FormDialog title={`Rename ${account.name}`} action="Rename" isReady={name.trim() !== ""} onSubmit={submit} onClose={onClose}>
      <TextField label="Name" value={name} onInput={setName} required autoFocus />
    </FormDialog>
  );
}
