import { expect, it } from "vitest";
import { attempted, folded, isAbout, named, split } from "./happening";

const attempt = { at: "2026-11-22T00:00:00Z", event: "attempt", text: "", attempt: 2, verdict: "deferred" } as const;

it("names what happened by its outcome", () => {
  expect(named(attempt)).toEqual(["warn", "Put off"]);
  expect(named({ event: "attempt", verdict: "delivered", status: "forwarded" })).toEqual(["good", "Forwarded"]);
  expect(named({ event: "late_bounce" })[1]).toBe("Came back");
  expect(named({ event: "of tomorrow" })).toEqual(["muted", "of tomorrow"]);
});

it("tells an attempt by where, how long and why", () => {
  const told = { ...attempt, host: "mx.example.net", address: "192.0.2.1", duration_ms: 1_234, class: "rate_limited" };
  expect(attempted(told)).toBe("Attempt 2 at mx.example.net [192.0.2.1] took 1.2 s: rate limited.");
  expect(attempted({ ...attempt, host: "192.0.2.1", address: "192.0.2.1" })).toBe("Attempt 2 at 192.0.2.1.");
  expect(attempted(attempt)).toBe("Attempt 2.");
});

it("keeps what a Worker said apart", () => {
  expect(split("The Worker a had it.\nlog: 1\nlog: 2")).toEqual({ sentence: "The Worker a had it.", lines: ["log: 1", "log: 2"] });
});

it("takes what names nobody to be about everybody", () => {
  expect(isAbout(attempt, "a@x.example")).toBe(true);
  expect(isAbout({ ...attempt, recipients: ["b@x.example"] }, "a@x.example")).toBe(false);
  expect(isAbout({ ...attempt, recipients: [], to: ["a@x.example"] }, "a@x.example")).toBe(true);
});

it("tells many attempts alike together, but for the first and the last", () => {
  const other = { ...attempt, class: "greylisted" };
  const told = folded([other, attempt, attempt, attempt, attempt, attempt, other, other]);
  expect(told.map((one) => ("alike" in one ? one.alike.length : one.event.class))).toEqual([
    "greylisted",
    undefined,
    3,
    undefined,
    "greylisted",
    "greylisted",
  ]);
});
