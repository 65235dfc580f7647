import { describe, expect, it } from "vitest";
import type { LimitsSetting } from "../../client/types/accounts";
import { formOf, problemOfRate, rampOf, settingOf } from "./limits_form";

const rates = (day: number | null) => ({ second: null, hour: null, day });

describe("limits as they are typed", () => {
  it("come back as they were set", () => {
    const set: LimitsSetting = {
      account: rates(50_000),
      domain: rates(null),
      recipient: rates(0),
      token: rates(null),
      domains: { tag: rates(5) },
      tokens: {},
      ramp: [200, 500],
      verified_recipients_only: true,
    };
    expect(settingOf(formOf(set), set)).toEqual(set);
    expect(settingOf(formOf({ ...set, ramp: [] }), set)?.ramp).toEqual([]);
    expect(settingOf(formOf(null), null)?.ramp).toBeNull();
  });

  it("are not taken while something is wrong", () => {
    expect(["", "0", " 20 "].map(problemOfRate)).toEqual([undefined, undefined, undefined]);
    expect(["-1", "1.5", "many"].every((text) => problemOfRate(text))).toBe(true);
    const form = formOf(null);
    expect(settingOf({ ...form, rates: { ...form.rates, "account.day": "many" } }, null)).toBeUndefined();
    expect(settingOf({ ...form, ramp: "200, 0" }, null)).toBeUndefined();
  });

  it("have a ramp of quotas that are more than nothing", () => {
    expect(["", "none", "200, 500", "0", "200,"].map(rampOf)).toEqual([null, [], [200, 500], undefined, undefined]);
  });
});
