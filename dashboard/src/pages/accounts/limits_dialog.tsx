import { useState } from "preact/hooks";
import { get, part, put } from "../../client/http";
import type { AccountLimits } from "../../client/types/accounts";
import type { Account } from "../../client/types/core";
import { Dialog } from "../../kit/dialog";
import { CheckField, TextField } from "../../kit/field";
import { FormDialog } from "../../kit/form";
import { useLoad } from "../../kit/load";
import { Failure, Skeleton } from "../../kit/show";
import { WINDOWS } from "../tokens/limit_rows";
import "./accounts.css";
import { formOf, problemOfRate, rampOf, SCOPES, settingOf, WINDOW_NAMES, type Scope } from "./limits_form";

interface Props {
  readonly account: Account;
  readonly onClose: () => void;
}

const pathOf = (account: Account) => `/accounts/${part(account.id)}/email/sending/limits`;

/** How much an account may send. */
export function LimitsDialog({ account, onClose }: Props) {
  const found = useLoad((signal) => get<AccountLimits>(pathOf(account), { signal }), [account.id]);
  if (found.data) return <Form account={account} limits={found.data.result} onClose={onClose} />;
  return (
    <Dialog title={`Limits of ${account.name}`} onClose={onClose}>
      {found.failure ? <Failure failure={found.failure} again={found.reload} /> : <Skeleton lines={6} />}
    </Dialog>
  );
}

const NAMES: Readonly<Record<Scope, string>> = {
  account: "All that it sends",
  domain: "Each sending domain",
  recipient: "Each address that it writes to",
  token: "Each token",
};

function Form({ account, limits, onClose }: Props & { readonly limits: AccountLimits }) {
  const [form, setForm] = useState(() => formOf(limits.set));
  const setting = settingOf(form, limits.set);
  const submit = async () => {
    await put(pathOf(account), setting);
  };
  return (
    <FormDialog title={`Limits of ${account.name}`} action="Set" wide isReady={setting !== undefined} onSubmit={submit} onClose={onClose}>
      <p class="soft">Recipients. Empty: as the server's configuration says; 0: no limit.</p>
      {SCOPES.map((scope) => (
        <fieldset key={scope} class="rates">
          <legend>{NAMES[scope]}</legend>
          {WINDOW_NAMES.map((window) => {
            const name = `${scope}.${window}`;
            const value = form.rates[name] ?? "";
            return (
              <TextField
                key={name}
                label={WINDOWS[window].toLowerCase()}
                value={value}
                onInput={(text) => setForm({ ...form, rates: { ...form.rates, [name]: text } })}
                problem={problemOfRate(value)}
              />
            );
          })}
        </fieldset>
      ))}
      <TextField
        label="Ramp"
        value={form.ramp}
        onInput={(ramp) => setForm({ ...form, ramp })}
        placeholder="200, 500, 1000"
        hint="Quotas of the first, second, third … day on which it sends. “none” ends it."
        problem={rampOf(form.ramp) === undefined ? "Numbers above 0, with commas between them; or “none”." : undefined}
      />
      <CheckField
        label="Only to verified recipients"
        hint="Destination addresses whose owners have agreed, and the account's own domains."
        checked={form.verifiedOnly}
        onChange={(verifiedOnly) => setForm({ ...form, verifiedOnly })}
      />
    </FormDialog>
  );
}
