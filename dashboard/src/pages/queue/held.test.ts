import { describe, expect, it } from "vitest";
import type { Suspension } from "../../client/types/delivery";
import { asHeld, isTrouble, lengthOf, nextAttempt, reasonOf, scopeName, suspensionOf } from "./held";

const suspension = (scope: string, reason = "asked to"): Suspension => ({ scope, until: null, reason, by: "ann", created: "" });

describe("what holds mail", () => {
  it("has a name even when it is new to us", () => {
    expect(reasonOf("moon")).toEqual(["muted", "moon"]);
  });

  it("is trouble when somebody may want to do something about it", () => {
    expect(["breaker", "suspension", "rule"].every(isTrouble)).toBe(true);
    expect(["retry", "turn", "in_flight", "rate", "moon"].some(isTrouble)).toBe(false);
  });

  it("is a suspension of just that scope", () => {
    const all = ["domain:a.example", "site:a.example"].map((scope) => suspension(scope));
    expect(suspensionOf("site:a.example", all)?.scope).toBe("site:a.example");
    expect(suspensionOf("domain:example", all)).toBeUndefined();
    expect(asHeld(suspension("domain:a.example")).detail).toBe("suspended by ann: asked to");
    expect(asHeld(suspension("domain:a.example", "")).detail).toBe("suspended by ann");
  });
});

describe("the next attempt", () => {
  const [soon, later] = ["2026-11-21T10:00:00.000Z", "2026-11-21T11:00:00.000Z"];
  const held = (reason: string, until: string | null) => ({ reason, detail: "", until });

  it("is when mail is due and nothing holds it any more", () => {
    expect(nextAttempt(soon, held("turn", null))).toBe(soon);
    expect(nextAttempt(soon, held("breaker", later))).toBe(later);
    expect(nextAttempt(later, held("breaker", soon))).toBe(later);
  });

  it("is nobody knows when for what somebody has to resume", () => {
    expect(nextAttempt(soon, held("suspension", null))).toBeUndefined();
    expect(nextAttempt(soon, held("suspension", later))).toBe(later);
  });
});

describe("what is suspended", () => {
  it("has a name that people know", () => {
    const accounts = [{ id: "47bb", name: "Example Shop" }];
    const scopes = ["domain:a.example", "site:127.0.0.1:25", "source:warm", "tenant:47bb", "tenant:other"];
    expect(scopes.map((scope) => scopeName(scope, accounts))).toEqual([
      "a.example",
      "site 127.0.0.1:25",
      "source warm",
      "account Example Shop",
      "account other",
    ]);
  });
});

describe("a length of time", () => {
  it("is taken as the server takes it", () => {
    expect(["2h", " 30m ", "1d 6h"].map(lengthOf)).toEqual(["2h", "30m", "1d 6h"]);
    expect(["", "2", "soon", "h"].map(lengthOf)).toEqual([undefined, undefined, undefined, undefined]);
  });
});
