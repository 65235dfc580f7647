// What becomes of mail from the world.

export type RoutingStatusWord = "ready" | "unconfigured" | "misconfigured" | "misconfigured/locked" | "unlocked";

export interface RoutingSettings {
  readonly id: string;
  readonly name: string;
  readonly enabled: boolean;
  readonly status: RoutingStatusWord;
  readonly locked: boolean;
  readonly support_subaddress: boolean;
  /** Above which spam score its mail is refused; 0: never; null: as the server is configured. */
  readonly spam_limit: number | null;
  readonly subdomains: readonly { readonly name: string; readonly enabled: boolean }[];
}

export type ActionType = "forward" | "worker" | "drop";

export interface RoutingAction {
  readonly type: ActionType;
  readonly value?: readonly string[] | null;
}

export interface RoutingMatcher {
  readonly type: "literal" | "all";
  readonly field?: "to" | null;
  readonly value?: string | null;
}

export interface RuleDraft {
  readonly name: string;
  readonly enabled: boolean;
  readonly priority?: number;
  readonly matchers: readonly RoutingMatcher[];
  readonly actions: readonly RoutingAction[];
}

export interface RoutingRule extends RuleDraft {
  readonly id: string;
  readonly priority: number;
  /** Whether it takes mail now. */
  readonly active: boolean;
  readonly source: "api" | "wrangler";
  readonly zone: { readonly tag: string; readonly name: string };
}

export interface Destination {
  readonly id: string;
  readonly email: string;
  readonly verified: string | null;
  readonly created: string;
}

/** What would become of a message, as far as its envelope says. */
export interface RoutingTrial {
  readonly to: string;
  readonly outcome: "routed" | "heard" | "returned" | "refused";
  /** What would be done with it; of destinations those that are verified. */
  readonly action: RoutingAction | null;
  /** The rule that decides, or that would if its destinations were verified. */
  readonly rule: RoutingRule | null;
  /** The subaddress that was left out to find the rule. */
  readonly detail: string | null;
  /** What the client would be told that names the recipient. */
  readonly reply: string | null;
}
