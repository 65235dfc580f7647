import { describe, expect, it } from "vitest";
import { expiryOf } from "./expiry";

describe("until when a token is good", () => {
  const now = new Date("2026-11-21T12:00:00Z");

  it("is for ever, so many days, or to a moment that is to come", () => {
    expect(expiryOf("never", "", now)).toEqual({});
    expect(expiryOf("30", "", now)).toEqual({ at: "2026-12-21T12:00:00.000Z" });
    expect(expiryOf("date", "2027-01-01T00:00:00Z", now)).toEqual({ at: "2027-01-01T00:00:00.000Z" });
  });

  it("is not in the past, nor left open", () => {
    expect(expiryOf("date", "2026-01-01T00:00:00Z", now).problem).toBe("That is over.");
    expect(expiryOf("date", "", now).problem).toBe("Say when.");
  });
});
