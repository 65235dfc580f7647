import { useState } from "preact/hooks";
import { post, put } from "../../client/http";
import type { Zone } from "../../client/types/core";
import type { RoutingAction, RoutingRule, RuleDraft } from "../../client/types/routing";
import { CheckField, TextField } from "../../kit/field";
import { FormDialog } from "../../kit/form";
import { ActionFields, isWhole } from "./action_fields";

interface Props {
  readonly zone: Zone;
  /** The rule that is changed; a new one is made without. */
  readonly rule?: RoutingRule;
  /** Told what a person should know besides. */
  readonly changed: (notes: readonly string[]) => void;
  readonly onClose: () => void;
}

export function RuleForm({ zone, rule, changed, onClose }: Props) {
  const [address, setAddress] = useState(rule?.matchers[0]?.value ?? `@${zone.name}`);
  const [action, setAction] = useState<RoutingAction>(rule?.actions[0] ?? { type: "forward", value: [] });
  const [name, setName] = useState(rule?.name ?? "");
  const [priority, setPriority] = useState(String(rule?.priority ?? 0));
  const [isEnabled, setEnabled] = useState(rule?.enabled ?? true);
  const save = async () => {
    const draft: RuleDraft = {
      name: name.trim(),
      enabled: isEnabled,
      priority: Number(priority),
      matchers: [{ type: "literal", field: "to", value: address.trim() }],
      actions: [action],
    };
    const path = `/zones/${zone.id}/email/routing/rules`;
    const { notes } = await (rule ? put(`${path}/${rule.id}`, draft) : post(path, draft));
    changed(notes);
  };
  const isReady = /.@./.test(address.trim()) && isWhole(action);
  return (
    <FormDialog
      title={rule ? `Rule for ${rule.matchers[0]?.value}` : "Add a rule"}
      action={rule ? "Save" : "Add rule"}
      isReady={isReady}
      onSubmit={save}
      onClose={onClose}
    >
      <TextField
        label="Mail to"
        type="email"
        value={address}
        onInput={setAddress}
        required
        autoFocus
        hint={`One address of ${zone.name}, or of a domain beneath it that takes mail. For all others there is the catch-all.`}
      />
      <ActionFields action={action} onChange={setAction} />
      <TextField label="Name" value={name} onInput={setName} hint="For people; it may be empty." />
      <TextField
        label="Priority"
        type="number"
        value={priority}
        onInput={setPriority}
        hint="Among rules for one address the lowest number decides, and of equal ones the newest."
      />
      <CheckField label="Enabled" checked={isEnabled} onChange={setEnabled} />
    </FormDialog>
  );
}
