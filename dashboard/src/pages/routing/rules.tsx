import { useState } from "preact/hooks";
import { all, put, remove } from "../../client/http";
import type { Zone } from "../../client/types/core";
import type { RoutingRule, RoutingSettings } from "../../client/types/routing";
import { Button } from "../../kit/button";
import { Confirm } from "../../kit/dialog";
import { useLoad } from "../../kit/load";
import { Card, Empty, Failure, Notes, Skeleton } from "../../kit/show";
import { useMay } from "../../state/session";
import { CatchAll } from "./catch_all";
import { RuleForm } from "./rule_form";
import { RuleTable } from "./rule_table";
import { inOrder, isCatchAll } from "./words";

interface Props {
  readonly zone: Zone;
  readonly settings: RoutingSettings;
}

type Open = { readonly what: "add" } | { readonly what: "edit" | "remove" | "turn"; readonly rule: RoutingRule };

/** The rules of a zone in the order in which they are looked at, and what becomes of everything else. */
export function Rules({ zone, settings }: Props) {
  const path = `/zones/${zone.id}/email/routing/rules`;
  const mayEdit = useMay("routing_edit");
  const [open, setOpen] = useState<Open>();
  const found = useLoad((signal) => all<RoutingRule>(path, { signal }), [path], { every: 30_000 });
  const rules = found.data && inOrder(found.data.filter((rule) => !isCatchAll(rule)));
  const [notes, setNotes] = useState<readonly string[]>([]);
  const close = () => setOpen(undefined);
  const changed = (notes: readonly string[] = []) => {
    setNotes(notes);
    found.reload();
  };
  return (
    <>
      <Card
        title="Rules"
        actions={
          mayEdit && (
            <Button kind="primary" icon="plus" onClick={() => setOpen({ what: "add" })}>
              Add rule
            </Button>
          )
        }
      >
        <Failure failure={found.failure} again={found.reload} />
        <Notes notes={notes} />
        {!rules && !found.failure && <Skeleton lines={5} />}
        {rules?.length === 0 && (
          <Empty title="No rules yet">
            <p>A rule says what becomes of mail to one address, such as hello@{zone.name}.</p>
          </Empty>
        )}
        {rules && rules.length > 0 && (
          <RuleTable
            rules={rules}
            mayEdit={mayEdit}
            onEdit={(rule) => setOpen({ what: "edit", rule })}
            onTurn={(rule) => setOpen({ what: "turn", rule })}
            onRemove={(rule) => setOpen({ what: "remove", rule })}
          />
        )}
        {settings.support_subaddress && (
          <p class="soft">Subaddresses are on: what no rule has for user+detail goes to the rule for user.</p>
        )}
      </Card>
      <CatchAll zone={zone} rule={found.data?.find(isCatchAll)} changed={changed} />
      {open?.what === "add" && <RuleForm zone={zone} changed={changed} onClose={close} />}
      {open?.what === "edit" && <RuleForm zone={zone} rule={open.rule} changed={changed} onClose={close} />}
      {open?.what === "turn" && <Turn path={path} rule={open.rule} changed={found.reload} onClose={close} />}
      {open?.what === "remove" && <Removal path={path} rule={open.rule} changed={found.reload} onClose={close} />}
    </>
  );
}

interface RuleDialogProps {
  readonly path: string;
  readonly rule: RoutingRule;
  readonly changed: () => void;
  readonly onClose: () => void;
}

function Turn({ path, rule, changed, onClose }: RuleDialogProps) {
  const { name, priority, matchers, actions, enabled } = rule;
  const turn = async () => {
    await put(`${path}/${rule.id}`, { name, priority, matchers, actions, enabled: !enabled });
    changed();
  };
  const address = matchers[0]?.value;
  return (
    <Confirm title={`${enabled ? "Disable" : "Enable"} the rule for ${address}`} action={enabled ? "Disable" : "Enable"} onConfirm={turn} onClose={onClose}>
      <p>
        {enabled
          ? "It is as if it were not there: another rule for the address or the catch-all takes its mail, or it is refused."
          : "It takes mail again at once."}
      </p>
    </Confirm>
  );
}

function Removal({ path, rule, changed, onClose }: RuleDialogProps) {
  const removal = async () => {
    await remove(`${path}/${rule.id}`);
    changed();
  };
  return (
    <Confirm title={`Remove the rule for ${rule.matchers[0]?.value}`} action="Remove" dangerous onConfirm={removal} onClose={onClose}>
      <p>Another rule for the address or the catch-all takes its mail from now on; without one it is refused.</p>
      {rule.source === "wrangler" && <p>It was made by a deployment, and comes back with the next one.</p>}
    </Confirm>
  );
}
