// Limits as somebody types them.

import type { LimitsSetting, Rates, WindowName } from "../../client/types/accounts";

export const SCOPES = ["account", "domain", "recipient", "token"] as const;
export type Scope = (typeof SCOPES)[number];

/** Texts of fields, as `account.day`. Empty: as the configuration says; 0: no limit. */
export type Texts = Readonly<Record<string, string>>;

export interface LimitsForm {
  readonly rates: Texts;
  /** Quotas of the first days, between commas; empty: as the configuration says; `none`: no ramp. */
  readonly ramp: string;
  readonly verifiedOnly: boolean;
}

export const WINDOW_NAMES: readonly WindowName[] = ["second", "hour", "day"];

/** What was set, as texts. */
export function formOf(set: LimitsSetting | null): LimitsForm {
  const text = (scope: Scope, window: WindowName) => String(set?.[scope]?.[window] ?? "");
  const rates = SCOPES.flatMap((scope) => WINDOW_NAMES.map((window) => [`${scope}.${window}`, text(scope, window)]));
  const ramp = set?.ramp;
  return {
    rates: Object.fromEntries(rates),
    ramp: ramp ? ramp.join(", ") || "none" : "",
    verifiedOnly: set?.verified_recipients_only ?? false,
  };
}

const isWhole = (text: string) => /^\d{1,15}$/.test(text.trim());

/** What is wrong with a rate, if anything is. */
export function problemOfRate(text: string): string | undefined {
  return text.trim() === "" || isWhole(text) ? undefined : "A whole number.";
}

/** The quotas of a ramp; null for none said, undefined for what is no ramp. */
export function rampOf(text: string): readonly number[] | null | undefined {
  const said = text.trim();
  if (said === "") return null;
  if (said === "none") return [];
  const quotas = said.split(",").map((quota) => quota.trim());
  return quotas.every((quota) => isWhole(quota) && Number(quota) > 0) ? quotas.map(Number) : undefined;
}

/** What is to be set; undefined while something is wrong. What single domains and tokens have stays. */
export function settingOf({ rates, ramp, verifiedOnly }: LimitsForm, before: LimitsSetting | null): LimitsSetting | undefined {
  const quotas = rampOf(ramp);
  if (quotas === undefined || Object.values(rates).some(problemOfRate)) return undefined;
  const number = (text: string | undefined) => (text?.trim() ? Number(text) : null);
  const of = (scope: Scope) =>
    Object.fromEntries(WINDOW_NAMES.map((window) => [window, number(rates[`${scope}.${window}`])])) as Rates;
  return {
    ...{ account: of("account"), domain: of("domain"), recipient: of("recipient"), token: of("token") },
    ...{ domains: before?.domains ?? {}, tokens: before?.tokens ?? {} },
    ...{ ramp: quotas, verified_recipients_only: verifiedOnly },
  };
}
