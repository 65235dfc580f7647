import { describe, expect, it } from "vitest";
import type { AccountLimits, UsedWindows } from "../../client/types/accounts";
import { inWords, rowsOf } from "./limit_rows";

const used = (limit: number | null): UsedWindows => {
  const window = { limit, used: 1, free_at: null };
  return { second: window, hour: window, day: window };
};

describe("limits", () => {
  it("are shown of the account, and of what has some", () => {
    const limits = {
      account: used(null),
      domains: [
        { tag: "1", name: "a.example", ...used(5) },
        { tag: "2", name: "b.example", ...used(null) },
      ],
      tokens: [{ id: "3", name: "shop", ...used(9) }],
    } as unknown as AccountLimits;
    expect(rowsOf(limits).map(({ what }) => what)).toEqual(["the account", "from a.example", "by the token shop"]);
  });

  it("are said in words, and 0 is none", () => {
    expect(inWords({ second: 0, hour: 20, day: 1_000 })).toBe("20 in an hour, 1,000 in a day");
    expect(inWords({ second: null, hour: 0, day: null })).toBeUndefined();
  });
});
