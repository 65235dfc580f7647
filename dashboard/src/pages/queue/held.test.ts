import { describe, expect, it } from "vitest";
import type { DomainState, Suspension } from "../../client/types/delivery";
import { holdsOf, lengthOf, reasonOf } from "./held";

const state: DomainState = {
  name: "a.example",
  site: "mx.example",
  hosts: ["mx.example"],
  ready: 1,
  in_flight: 0,
  holds: [{ reason: "site", detail: "connection refused", source: null, until: null }],
};

const suspension = (scope: string): Suspension => ({ scope, until: null, reason: "asked to", by: "ann", created: "" });

describe("what holds a domain", () => {
  it("is told with what was ordered first", () => {
    const suspensions = ["site:mx.example", "domain:b.example", "domain:a.example"].map(suspension);
    const holds = holdsOf("a.example", state, suspensions);
    expect(holds.map(({ reason }) => reason)).toEqual(["suspension", "suspension", "site"]);
    expect(holds[0]?.detail).toBe("suspended by ann: asked to");
  });

  it("is nothing where the engine knows of nothing", () => {
    expect(holdsOf("c.example", undefined, [suspension("domain:a.example")])).toEqual([]);
  });

  it("has a name even when it is new to us", () => {
    expect(reasonOf("moon")).toEqual(["muted", "moon"]);
  });
});

describe("a length of time", () => {
  it("is taken as the server takes it", () => {
    expect(["2h", " 30m ", "1d 6h"].map(lengthOf)).toEqual(["2h", "30m", "1d 6h"]);
    expect(["", "2", "soon", "h"].map(lengthOf)).toEqual([undefined, undefined, undefined, undefined]);
  });
});
