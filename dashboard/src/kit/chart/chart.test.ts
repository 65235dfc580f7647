import { describe, expect, it } from "vitest";
import { greatest, runs, smallest, stacked, type Point, type Series } from "./model";
import { durationMarks, stretch, timeMark } from "./ticks";

const a: Series = { id: "a", name: "A", colour: 1 };
const b: Series = { id: "b", name: "B", colour: 2 };
const point = (minute: number, values: Point["values"]): Point => ({ at: new Date(minute * 60_000), values });

describe("what is drawn", () => {
  it("is stacked from the bottom, without what is nothing", () => {
    const slices = stacked(point(0, { a: 2, b: 3 }), [a, b]);
    expect(slices.map(({ from, to }) => [from, to])).toEqual([[0, 2], [2, 5]]);
    expect(stacked(point(0, { a: 0, b: null }), [a, b])).toEqual([]);
  });

  it("has room for the greatest, stacked or not", () => {
    const points = [point(0, { a: 2, b: 3 }), point(1, { a: 4, b: null })];
    expect([greatest(points, [a, b], true), greatest(points, [a, b], false), greatest([], [a], true)]).toEqual([5, 4, 0]);
    expect(smallest(points, [a, b])).toBe(2);
    expect(smallest([point(0, { a: 0 })], [a])).toBeUndefined();
  });

  it("has gaps where there is no value", () => {
    const points = [1, null, 2, 3, null].map((value, at) => point(at, { a: value }));
    expect(runs(points, a).map((run) => run.length)).toEqual([1, 2]);
  });
});

describe("marks", () => {
  it("of durations enclose what is drawn", () => {
    expect(durationMarks(30, 2_000)).toEqual([10, 100, 1_000, 10_000]);
    expect(durationMarks(0.2, 0.5)).toEqual([1, 10]);
    expect(durationMarks(5, 5)).toEqual([1, 10]);
    expect(durationMarks(1e9, 1e12)).toEqual([86_400_000, 604_800_000]);
  });

  it("of days are days of UTC", () => {
    const day = new Date("2026-11-21T00:00:00Z");
    expect(timeMark(day, 86_400_000)).toBe("21 Nov");
    expect(stretch(day, 86_400_000)).toMatch(/Sat.* 21 Nov \(UTC\)/);
    expect(stretch(day, 900_000)).toMatch(/\d\d:\d\d to \d\d:\d\d$/);
  });
});
