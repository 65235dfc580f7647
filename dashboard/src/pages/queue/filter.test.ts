import { describe, expect, it } from "vitest";
import { bodiesOf, described, filterOf } from "./filter";

describe("which mail is meant", () => {
  it("is what the address says, without what is empty", () => {
    const said = filterOf(new URLSearchParams("tab=entries&domain=%20example.com%20&tenant=&id=066"));
    expect(said).toEqual({ domain: "example.com", id: "066" });
  });

  it("is everything only when an order says so", () => {
    expect(bodiesOf({ kind: "filter", filter: {} })).toEqual([{ all: true }]);
    expect(bodiesOf({ kind: "filter", filter: { pool: "warm" } })).toEqual([{ pool: "warm" }]);
  });

  it("is one entry of a message, not the whole message, where an entry was chosen", () => {
    const entries = [
      { id: "0660ddae600784", domain: "a.example" },
      { id: "0660ddae600784", domain: "b.example" },
    ];
    expect(bodiesOf({ kind: "chosen", entries })).toEqual(entries);
  });

  it("is said in words", () => {
    const words = [{}, { domain: "a.example", tenant: "shop" }].map((filter) => described({ kind: "filter", filter }));
    expect(words).toEqual(["all mail in the queue", "mail to a.example of the account shop"]);
    expect(described({ kind: "chosen", entries: [{ id: "1", domain: "a.example" }] })).toBe("1 chosen entry");
  });
});
