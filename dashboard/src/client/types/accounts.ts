// Tokens, limits, and who changed what.

export interface PermissionGroup {
  readonly id: string;
  readonly name: string;
}

export interface Token {
  readonly id: string;
  readonly name: string;
  readonly status: "active" | "expired";
  readonly priority: string;
  readonly issued_on: string;
  readonly modified_on: string;
  readonly last_used_on: string | null;
  readonly not_before: string | null;
  readonly expires_on: string | null;
  readonly previous_value_until: string | null;
  readonly policies: readonly {
    readonly permission_groups: readonly PermissionGroup[];
    readonly resources: Readonly<Record<string, string>>;
  }[];
  /** Only in the answer that makes it. */
  readonly value?: string;
}

export type WindowName = "second" | "hour" | "day";

/** Most recipients in each window: null says nothing, 0 is no limit. */
export type Rates = Readonly<Record<WindowName, number | null>>;

export interface UsedWindow {
  readonly limit: number | null;
  readonly used: number;
  readonly free_at: string | null;
}

export type UsedWindows = Readonly<Record<WindowName, UsedWindow>>;

/** What is set for an account; what is left out is as the configuration says. */
export interface LimitsSetting {
  readonly account?: Rates;
  readonly domain?: Rates;
  readonly recipient?: Rates;
  readonly token?: Rates;
  readonly domains?: Readonly<Record<string, Rates>>;
  readonly tokens?: Readonly<Record<string, Rates>>;
  readonly ramp?: readonly number[] | null;
  readonly verified_recipients_only?: boolean;
}

export interface AccountLimits {
  readonly account: UsedWindows;
  readonly domain: Rates;
  readonly recipient: Rates;
  readonly token: Rates;
  readonly domains: readonly (UsedWindows & { readonly tag: string; readonly name: string })[];
  readonly tokens: readonly (UsedWindows & { readonly id: string; readonly name: string })[];
  readonly ramp: { readonly quotas: readonly number[]; readonly days_before: number; readonly today: number | null };
  readonly verified_recipients_only: boolean;
  readonly set: LimitsSetting | null;
}

/** A change of the configuration. */
export interface AuditRecord {
  readonly id: string;
  readonly when: string;
  readonly action: { readonly type: string };
  readonly actor: { readonly type: string; readonly id: string | null; readonly name?: string; readonly ip: string | null };
  readonly interface: string;
  readonly resource: { readonly type: string; readonly id: string };
  readonly oldValueJson: unknown;
  readonly newValueJson: unknown;
}
