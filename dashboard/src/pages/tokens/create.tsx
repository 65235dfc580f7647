import { useState } from "preact/hooks";
import { get, post } from "../../client/http";
import type { PermissionGroup, Token } from "../../client/types/accounts";
import type { Account } from "../../client/types/core";
import { SelectField, TextField } from "../../kit/field";
import { FormDialog } from "../../kit/form";
import { useLoad } from "../../kit/load";
import { Failure } from "../../kit/show";
import { PermissionFields, ZoneFields } from "./create_fields";
import { expiryOf, EXPIRIES } from "./expiry";
import { policyOf } from "./reach";

interface Props {
  readonly account: Account;
  readonly onDone: (value: string) => void;
  readonly onClose: () => void;
}

const PRIORITIES = ["normal", "high", "bulk"].map((value) => ({ value, name: value }));

/** Makes a token. */
export function CreateToken({ account, onDone, onClose }: Props) {
  const groups = useLoad((signal) => get<PermissionGroup[]>("/user/tokens/permission_groups", { signal }), []);
  const [name, setName] = useState("");
  const [chosen, setChosen] = useState<readonly string[]>(["send"]);
  const [zones, setZones] = useState<readonly string[]>();
  const [expiry, setExpiry] = useState("never");
  const [date, setDate] = useState("");
  const [priority, setPriority] = useState("normal");
  const expires = expiryOf(expiry, date, new Date());
  const submit = async () => {
    const ids = (groups.data?.result ?? []).filter((group) => chosen.includes(group.name)).map(({ id }) => id);
    const { result } = await post<Token>("/user/tokens", {
      name: name.trim(),
      policies: [policyOf(account.id, zones, ids)],
      priority,
      ...(expires.at && { expires_on: expires.at }),
    });
    onDone(result.value ?? "");
  };
  const isReady = name.trim() !== "" && chosen.length > 0 && zones?.length !== 0 && !expires.problem && Boolean(groups.data);
  return (
    <FormDialog title="New token" action="Make the token" wide isReady={isReady} onSubmit={submit} onClose={onClose}>
      <Failure failure={groups.failure} again={groups.reload} />
      <TextField label="Name" value={name} onInput={setName} required autoFocus hint="What uses it: the shop, the newsletter, Ann's laptop." />
      <PermissionFields groups={groups.data?.result ?? []} chosen={chosen} onChange={setChosen} />
      <ZoneFields chosen={zones} onChange={setZones} />
      <div class="two">
        <SelectField label="Expires" value={expiry} choices={EXPIRIES} onChoose={setExpiry} />
        {expiry === "date" && (
          <TextField label="On" type="datetime-local" value={date} onInput={setDate} problem={date ? expires.problem : undefined} />
        )}
        <SelectField label="Priority of its mail" value={priority} choices={PRIORITIES} onChoose={setPriority} />
      </div>
    </FormDialog>
  );
}
