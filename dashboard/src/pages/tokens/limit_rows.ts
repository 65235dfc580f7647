// Limits as rows of a table.

import type { AccountLimits, Rates, UsedWindows, WindowName } from "../../client/types/accounts";
import { count } from "../../kit/format";

export const WINDOWS: Readonly<Record<WindowName, string>> = {
  second: "In a second",
  hour: "In an hour",
  day: "In a day",
};

export interface LimitRow extends UsedWindows {
  readonly key: string;
  readonly what: string;
}

/** The account, and of its domains and tokens those that have a limit. */
export function rowsOf({ account, domains, tokens }: AccountLimits): readonly LimitRow[] {
  const isLimited = ({ second, hour, day }: UsedWindows) => [second, hour, day].some(({ limit }) => limit !== null);
  return [
    { key: "account", what: "the account", ...account },
    ...domains.filter(isLimited).map((row) => ({ key: row.tag, what: `from ${row.name}`, ...row })),
    ...tokens.filter(isLimited).map((row) => ({ key: row.id, what: `by the token ${row.name}`, ...row })),
  ];
}

/** "20 in an hour, 100 in a day"; undefined where nothing is limited. */
export function inWords(rates: Rates): string | undefined {
  const said = (Object.keys(WINDOWS) as WindowName[]).flatMap((name) =>
    rates[name] ? [`${count(rates[name])} ${WINDOWS[name].toLowerCase()}`] : [],
  );
  return said.join(", ") || undefined;
}
