import { useState } from "preact/hooks";
import { put } from "../../client/http";
import type { Zone } from "../../client/types/core";
import type { RoutingAction, RoutingRule } from "../../client/types/routing";
import { Button } from "../../kit/button";
import { CheckField } from "../../kit/field";
import { FormDialog } from "../../kit/form";
import { Card } from "../../kit/show";
import { useMay } from "../../state/session";
import { ActionFields, isWhole } from "./action_fields";
import { ActionWords, RuleState } from "./words";

interface Props {
  readonly zone: Zone;
  readonly rule: RoutingRule | undefined;
  /** Told what a person should know besides. */
  readonly changed: (notes: readonly string[]) => void;
}

/** What becomes of mail that no rule takes. */
export function CatchAll({ zone, rule, changed }: Props) {
  const mayEdit = useMay("routing_edit");
  const [isOpen, setOpen] = useState(false);
  return (
    <Card
      title="Catch-all"
      actions={
        mayEdit && (
          <Button small icon="edit" onClick={() => setOpen(true)} label="Change the catch-all">
            Change
          </Button>
        )
      }
    >
      {rule?.enabled ? (
        <p class="row">
          <span>
            Everything else: <ActionWords action={rule.actions[0]} />
          </span>
          <RuleState rule={rule} />
        </p>
      ) : (
        <p>Mail that no rule takes is refused: there is no such address.</p>
      )}
      {isOpen && <Form zone={zone} rule={rule} changed={changed} onClose={() => setOpen(false)} />}
    </Card>
  );
}

function Form({ zone, rule, changed, onClose }: Props & { readonly onClose: () => void }) {
  const [isEnabled, setEnabled] = useState(rule?.enabled ?? true);
  const [action, setAction] = useState<RoutingAction>(rule?.actions[0] ?? { type: "forward", value: [] });
  const save = async () => {
    const matchers = [{ type: "all" as const }];
    const path = `/zones/${zone.id}/email/routing/rules/catch_all`;
    const { notes } = await put(path, { name: rule?.name ?? "", enabled: isEnabled, matchers, actions: [action] });
    changed(notes);
  };
  return (
    <FormDialog title={`Catch-all of ${zone.name}`} action="Save" isReady={isWhole(action)} onSubmit={save} onClose={onClose}>
      <CheckField
        label="Take mail that no rule takes"
        checked={isEnabled}
        onChange={setEnabled}
        hint="Off: it is refused while its sender waits, so that who mistyped hears of it."
      />
      <ActionFields action={action} onChange={setAction} />
    </FormDialog>
  );
}
