import { describe, expect, it } from "vitest";
import { stepOf, windowOf } from "./window";

const now = new Date("2026-11-21T12:00:00Z");
const of = (query: string) => windowOf(new URLSearchParams(query), now);

describe("the window of an address", () => {
  it("is the last day when nothing is said", () => {
    expect(of("")).toEqual({ length: "24h", since: new Date("2026-11-20T12:00:00Z"), until: now });
  });

  it("is what two moments say, unless they are none", () => {
    const span = of("since=2026-11-01T00:00:00Z&until=2026-11-02T00:00:00Z");
    expect(span.length).toBeUndefined();
    expect(span.until.getTime() - span.since.getTime()).toBe(86_400_000);
    expect(of("since=2026-11-03T00:00:00Z&until=2026-11-02T00:00:00Z").length).toBe("24h");
    expect(of("since=then&until=now&window=7d").length).toBe("7d");
  });

  it("is cut into some dozens of parts", () => {
    expect(stepOf(of("window=1h"))).toBe("datetimeMinute");
    expect(stepOf(of("window=24h"))).toBe("datetimeFifteenMinutes");
    expect(stepOf(of("window=7d"))).toBe("datetimeHour");
    expect(stepOf(of("window=30d"))).toBe("date");
  });
});
