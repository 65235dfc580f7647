import { describe, expect, it } from "vitest";
import type { Group } from "../../client/types/analytics";
import { change, points, ranked, rates, totals, verdict } from "./figures";
import { spanOf, stretches } from "./span";

function group(count: number, dimensions: Group["dimensions"], sum: Partial<Group["sum"]> = {}): Group {
  return { count, dimensions, sum: { complaints: 0, hardBounces: 0, softBounces: 0, ...sum } };
}

describe("health", () => {
  const all = totals([
    group(960, { status: "delivered" }, { complaints: 1 }),
    group(40, { status: "deliveryFailed" }, { hardBounces: 30 }),
    group(500, { status: "sent" }),
  ]);

  it("is told of mail whose fate is known", () => {
    expect(rates(all)).toEqual({ delivery: 0.96, hardBounces: 0.03, complaints: 1 / 960 });
    expect(verdict("delivery", all)).toBe("within");
    expect(verdict("hardBounces", all)).toBe("beyond");
    expect(verdict("complaints", all)).toBe("beyond");
  });

  it("is not told of little", () => {
    expect(verdict("delivery", totals([group(3, { status: "delivered" })]))).toBe("few");
    expect(verdict("delivery", totals([group(3, { status: "sent" })]))).toBe("none");
  });

  it("has limits that are not met exactly", () => {
    const edge = totals([group(950, { status: "delivered" }), group(50, { status: "deliveryFailed" }, { hardBounces: 20 })]);
    expect([verdict("delivery", edge), verdict("hardBounces", edge)]).toEqual(["beyond", "beyond"]);
  });
});

it("changes are told in words", () => {
  const told = [change(112, 100), change(97, 100), change(100, 100), change(3_000, 100)];
  expect(told).toEqual(["up 12%", "down 3%", "as before", "30 times as much"]);
  expect([change(5, 0), change(0, 0), change(5, undefined), change(null, 5)]).toEqual(["none before", "as before", "", ""]);
});

describe("time", () => {
  const now = new Date("2026-11-22T12:34:56Z");
  const of = (hours: number) => spanOf({ since: new Date(now.getTime() - hours * 3_600_000), until: now }, now);

  it("begins on the border of a stretch, and is compared with as much before", () => {
    const day = of(24);
    expect([day.since, day.until, day.before].map((at) => at.toISOString())).toEqual([
      "2026-11-21T12:30:00.000Z",
      "2026-11-22T12:35:00.000Z",
      "2026-11-20T12:25:00.000Z",
    ]);
    expect([day.isBeforeKept, of(720).isBeforeKept]).toEqual([true, false]);
  });

  it("has a point for each stretch, whether something happened or not", () => {
    const span = of(24);
    const all = stretches(span, span.step);
    expect(all).toHaveLength(97);
    const groups = [group(2, { datetimeFifteenMinutes: "2026-11-21T12:45:00Z", status: "delivered" })];
    const found = points(groups, span.step, all, (own) => ({ n: totals(own).count }));
    expect(found.slice(0, 3).map(({ values }) => values["n"])).toEqual([0, 2, 0]);
  });
});

it("ranks what is most, and leaves out what has no name", () => {
  const groups = [
    group(2, { envelopeTo: "a@x.example", status: "delivered" }),
    group(3, { envelopeTo: "b@y.example", status: "delivered" }),
    group(2, { envelopeTo: "c@x.example", status: "deliveryFailed" }),
    group(9, { status: "delivered" }),
  ];
  const found = ranked(groups, ({ dimensions }) => dimensions.envelopeTo?.split("@")[1]);
  expect(found.map(({ name, all }) => [name, all.count, all.byStatus["deliveryFailed"]])).toEqual([
    ["x.example", 4, 2],
    ["y.example", 3, undefined],
  ]);
});
