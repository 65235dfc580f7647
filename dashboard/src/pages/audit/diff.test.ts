import { describe, expect, it } from "vitest";
import { diff, inShort } from "./diff";

describe("a change", () => {
  it("is the fields that differ", () => {
    const before = { name: "app", url: "https://a.example", state: { enabled: true }, events: [] };
    const after = { name: "app", url: "https://b.example", state: { enabled: false }, events: ["message.bounced"] };
    expect(diff(before, after)).toEqual([
      { field: "events", before: "[]", after: '["message.bounced"]' },
      { field: "state.enabled", before: "true", after: "false" },
      { field: "url", before: "https://a.example", after: "https://b.example" },
    ]);
  });

  it("has nothing before what was made, and nothing after what was removed", () => {
    expect(diff(null, { name: "app" })).toEqual([{ field: "name", before: undefined, after: "app" }]);
    expect(diff({ name: "app" }, null)).toEqual([{ field: "name", before: "app", after: undefined }]);
  });

  it("tells nothing from null", () => {
    expect(diff({ until: null }, { until: "then" })).toEqual([{ field: "until", before: "null", after: "then" }]);
    expect(diff({ until: null }, {})).toEqual([{ field: "until", before: "null", after: undefined }]);
  });

  it("tells times as people read them", () => {
    const [change] = diff({ verified: null, days: 400 }, { verified: 1_795_354_992_787, days: 400 });
    expect(change?.after).toBe("2026-11-22T13:43:12.787Z");
  });

  it("is told in short without what always changes", () => {
    expect(inShort(diff({ name: "a", modified: "1" }, { name: "b", modified: "2" }))).toBe("name: a → b");
  });
});
