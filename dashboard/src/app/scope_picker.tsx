import { SelectField } from "../kit/field";
import { chooseAccount, chooseZone, useScope } from "../state/scope";

/** Chooses whose mail is looked at. */
export function ScopePicker() {
  const { accounts, account, zones, zone } = useScope();
  if (!account) return null;
  return (
    <>
      <SelectField
        label="Account"
        hideLabel
        value={account.id}
        choices={accounts.map(({ id, name }) => ({ value: id, name }))}
        onChoose={chooseAccount}
      />
      <SelectField
        label="Zone"
        hideLabel
        value={zone?.id ?? ""}
        choices={[{ value: "", name: "All zones" }, ...zones.map(({ id, name }) => ({ value: id, name }))]}
        onChoose={(id) => chooseZone(id || undefined)}
      />
    </>
  );
}
