import { describe, expect, it } from "vitest";
import { ago, bytes, compact, counted, duration, percent } from "./format";

describe("numbers", () => {
  it("have their units", () => {
    expect([bytes(0), bytes(1536), bytes(25 * 1024 ** 2)]).toEqual(["0 B", "1.5 KiB", "25.0 MiB"]);
    expect([duration(0.4), duration(38), duration(1_234), duration(185_000)]).toEqual(["0.4 ms", "38 ms", "1.2 s", "3 min 5 s"]);
    expect([duration(7_800_000), duration(86_400_000 * 3)]).toEqual(["2 h 10 min", "3 d"]);
  });

  it("have one or many of what they count", () => {
    expect([counted(1, "message"), counted(0, "message"), counted(1_200, "entry", "entries")]).toEqual([
      "1 message",
      "0 messages",
      "1,200 entries",
    ]);
  });

  it("keep what tells them apart", () => {
    expect([percent(0.9512), percent(0.0004), percent(1), percent(0)]).toEqual(["95.1%", "0.04%", "100%", "0.0%"]);
    expect([compact(9_999), compact(12_345)]).toEqual(["9,999", "12.3K"]);
  });
});

describe("times", () => {
  it("are told from now", () => {
    const now = new Date("2026-11-21T12:00:00Z");
    expect(ago(new Date("2026-11-21T11:57:00Z"), now)).toBe("3 min ago");
    expect(ago(new Date("2026-11-21T14:00:00Z"), now)).toBe("in 2 hr");
  });
});
