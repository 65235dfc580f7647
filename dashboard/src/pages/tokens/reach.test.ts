import { describe, expect, it } from "vitest";
import type { Token } from "../../client/types/accounts";
import type { Session, Zone } from "../../client/types/core";
import { covers, inOrder, isOf, mayGrant, policyOf, reachOf } from "./reach";

const token = (resources: Record<string, string>): Token =>
  ({ policies: [{ permission_groups: [{ id: "1", name: "send" }], resources }] }) as unknown as Token;
const session = (permissions: string[]): Session => ({ operator: false, token: { permissions } }) as unknown as Session;

describe("a token", () => {
  it("is of the account that it names, or whose zones it names", () => {
    const zones = [{ id: "z1" }] as unknown as Zone[];
    expect(isOf(token({ "com.cloudflare.api.account.a1": "*" }), "a1", zones)).toBe(true);
    expect(isOf(token({ "com.cloudflare.api.account.zone.z1": "*" }), "a1", zones)).toBe(true);
    expect(isOf(token({ "com.cloudflare.api.account.zone.z2": "*" }), "a1", zones)).toBe(false);
    expect(isOf(token({ "com.cloudflare.api.account.a11": "*" }), "a1", zones)).toBe(false);
  });

  it("reads back as it was asked for", () => {
    const { resources } = policyOf("a1", ["z1", "z2"], ["1"]);
    expect(reachOf(token(resources))).toEqual({ permissions: ["send"], zones: ["z1", "z2"] });
    expect(reachOf(token(policyOf("a1", undefined, ["1"]).resources)).zones).toBeUndefined();
  });
});

describe("permissions", () => {
  it("include what is less", () => {
    expect(covers("routing_edit", "routing_read")).toBe(true);
    expect(covers("routing_read", "routing_edit")).toBe(false);
    expect(covers("admin", "send")).toBe(true);
    expect(covers("admin", "operator")).toBe(false);
  });

  it("are given away by whoever has them", () => {
    expect(mayGrant(session(["suppression_edit"]), "suppression_read")).toBe(true);
    expect(mayGrant(session(["send"]), "admin")).toBe(false);
  });

  it("come in an order that people follow, with what is new last", () => {
    const groups = ["operator", "moon", "send"].map((name) => ({ id: name, name }));
    expect(inOrder(groups).map(({ name }) => name)).toEqual(["send", "operator", "moon"]);
  });
});
