import { expect, it } from "vitest";
import type { RoutingRule } from "../../client/types/routing";
import { words } from "./try_address";
import { inOrder, ruleState } from "./words";

const rule = (id: string, value: string, priority: number): RoutingRule => ({
  id,
  name: "",
  enabled: true,
  active: true,
  priority,
  source: "api",
  matchers: [{ type: "literal", field: "to", value }],
  actions: [{ type: "forward", value: ["ann@example.net"] }],
  zone: { tag: "z", name: "example.com" },
});

it("shows rules as they are looked at: the lowest priority first, and of equals the newest", () => {
  const made = [rule("old", "b@example.com", 1), rule("new", "B@example.com", 1), rule("first", "b@example.com", 0), rule("a", "a@example.com", 9)];
  expect(inOrder(made).map(({ id }) => id)).toEqual(["a", "first", "new", "old"]);
});

it("tells a rule that waits from one that is off", () => {
  const one = rule("r", "a@example.com", 0);
  expect(ruleState({ ...one, active: false })[1]).toBe("Waits for its destination");
  expect(ruleState({ ...one, enabled: false, active: false })[1]).toBe("Disabled");
});

it("tells what is refused for now from what is refused for good", () => {
  const refused = (reply: string) => words({ outcome: "refused", reply, action: null })[0];
  expect([refused("451 4.3.5 later"), refused("550 5.1.1 no")]).toEqual(["warn", "bad"]);
  expect(words({ outcome: "routed", reply: null, action: { type: "drop" } })[0]).toBe("warn");
});
