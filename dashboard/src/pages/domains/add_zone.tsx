import { useState } from "preact/hooks";
import { post } from "../../client/http";
import type { Zone } from "../../client/types/core";
import { CheckField, TextField } from "../../kit/field";
import { FormDialog } from "../../kit/form";
import { href, navigate } from "../../router";
import { useAccount, useScope } from "../../state/scope";

/** The first step: a domain of the account's, and that it is to send. */
export function AddZone({ onClose }: { readonly onClose: () => void }) {
  const account = useAccount();
  const { reload } = useScope();
  const [name, setName] = useState("");
  const [sends, setSends] = useState(true);
  const add = async () => {
    const { result: zone } = await post<Zone>("/zones", { name: name.trim(), account: { id: account.id } });
    if (sends) await post(`/zones/${zone.id}/email/sending/enable`);
    reload();
    navigate(href(`/domains/${zone.name}`, { zone: undefined }));
  };
  return (
    <FormDialog title="Add a domain" action="Add domain" isReady={name.trim() !== ""} onSubmit={add} onClose={onClose}>
      <TextField
        label="Domain"
        value={name}
        onInput={setName}
        placeholder="example.com"
        required
        autoFocus
        hint="A domain whose DNS you can change. Names beneath it can send and take mail, too."
      />
      <CheckField
        label="It is to send mail"
        checked={sends}
        onChange={setSends}
        hint="Makes DKIM keys for it; what to publish is shown next. Nothing changes in your DNS by itself."
      />
    </FormDialog>
  );
}
