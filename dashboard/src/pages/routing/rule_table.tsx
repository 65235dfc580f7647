import type { RoutingRule } from "../../client/types/routing";
import { Button } from "../../kit/button";
import { Table } from "../../kit/table";
import { ActionWords, RuleState, ruleState } from "./words";

interface Props {
  readonly rules: readonly RoutingRule[];
  readonly mayEdit: boolean;
  readonly onEdit: (rule: RoutingRule) => void;
  readonly onTurn: (rule: RoutingRule) => void;
  readonly onRemove: (rule: RoutingRule) => void;
}

const addressOf = ({ matchers }: RoutingRule) => matchers[0]?.value ?? "";

export function RuleTable({ rules, mayEdit, onEdit, onTurn, onRemove }: Props) {
  return (
    <Table
      caption="Rules, as they are looked at"
      rows={rules}
      keyOf={({ id }) => id}
      columns={[
        { name: "Mail to", cell: (rule) => addressOf(rule), by: addressOf },
        { name: "What is done", cell: ({ actions }) => <ActionWords action={actions[0]} /> },
        { name: "State", cell: (rule) => <RuleState rule={rule} />, by: (rule) => ruleState(rule)[1] },
        { name: "Priority", numeric: true, minor: true, cell: ({ priority }) => priority, by: ({ priority }) => priority },
        { name: "Name", minor: true, cell: ({ name }) => name, by: ({ name }) => name },
        {
          name: "Actions",
          cell: (rule) =>
            mayEdit && (
              <span class="row">
                <Button small onClick={() => onEdit(rule)} label={`Edit the rule for ${addressOf(rule)}`}>
                  Edit
                </Button>
                <Button small onClick={() => onTurn(rule)} label={`${rule.enabled ? "Disable" : "Enable"} the rule for ${addressOf(rule)}`}>
                  {rule.enabled ? "Disable" : "Enable"}
                </Button>
                <Button small kind="quiet" icon="trash" onClick={() => onRemove(rule)} label={`Remove the rule for ${addressOf(rule)}`}>
                  {""}
                </Button>
              </span>
            ),
        },
      ]}
    />
  );
}
