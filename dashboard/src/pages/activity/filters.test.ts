import { describe, expect, it } from "vitest";
import { directionOf, filterOf, interpret } from "./filters";

describe("a search", () => {
  it("is taken for what it looks like", () => {
    const found = (text: string) => interpret(text, "sending");
    expect(found("  ")).toBeUndefined();
    expect(found("0660DD9BC8EA6C")).toEqual({ id: "0660dd9bc8ea6c" });
    expect(found("<1@x.example>")).toEqual({ name: "message_id", value: "<1@x.example>" });
    expect(found("0660dd9bc8ea6c.5e12d360b6dc5da3@example.com")).toHaveProperty("name", "message_id");
    expect(found("ann@example.net ")).toEqual({ name: "recipient", value: "ann@example.net" });
    expect(interpret("ann@example.net", "routing")).toHaveProperty("name", "to");
    expect(found("@example.net")).toEqual({ name: "domain", value: "example.net" });
    expect(found("bücher.example.")).toEqual({ name: "domain", value: "bücher.example" });
    expect(found("5.7.1")).toEqual({ name: "reply", value: "5.7.1" });
    expect(found("no such user")).toEqual({ name: "reply", value: "no such user" });
  });
});

describe("the filters of an address", () => {
  it("are those that its direction knows", () => {
    const params = new URLSearchParams("mail=routing&status=dropped&spf=fail&campaign=x&class=");
    expect(directionOf(params)).toBe("routing");
    expect(filterOf(params, "routing")).toEqual({ status: "dropped", spf: "fail" });
    expect(filterOf(params, "sending")).toEqual({ status: "dropped", campaign: "x" });
  });
});
