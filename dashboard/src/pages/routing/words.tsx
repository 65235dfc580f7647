import type { RoutingAction, RoutingRule } from "../../client/types/routing";
import { Badge, type Tone } from "../../kit/show";
import { href } from "../../router";

/** What is done with mail, in words. */
export function ActionWords({ action }: { readonly action: RoutingAction | undefined }) {
  if (!action) return <span class="soft">nothing</span>;
  const [first = ""] = action.value ?? [];
  switch (action.type) {
    case "drop":
      return <>Drop</>;
    case "worker":
      return (
        <span>
          Worker <a href={href(`/workers/${encodeURIComponent(first)}`)}>{first}</a>
        </span>
      );
    case "forward":
      return <>Forward to {(action.value ?? []).join(", ")}</>;
  }
}

export function ruleState({ enabled, active, actions }: RoutingRule): readonly [Tone, string] {
  if (!enabled) return ["muted", "Disabled"];
  if (active) return ["good", "Active"];
  return ["warn", actions[0]?.type === "forward" ? "Waits for its destination" : "Inactive"];
}

export function RuleState({ rule }: { readonly rule: RoutingRule }) {
  const [tone, text] = ruleState(rule);
  return <Badge tone={tone}>{text}</Badge>;
}

export const isCatchAll = ({ matchers }: Pick<RoutingRule, "matchers">) => matchers[0]?.type === "all";

/** The rules in the order in which they are looked at: by address, then by priority; of equals the newest first. */
export function inOrder(rules: readonly RoutingRule[]): readonly RoutingRule[] {
  const address = ({ matchers }: RoutingRule) => matchers[0]?.value?.toLowerCase() ?? "\uffff";
  return [...rules].reverse().sort((a, b) => address(a).localeCompare(address(b)) || a.priority - b.priority);
}
