import { describe, expect, it } from "vitest";
import { authorOf, inboxPath, queueIdOf } from "./path";

describe("a received message", () => {
  it("names the message of ours that it was", () => {
    expect(queueIdOf("b-0660c560ec357d-0-mzxw6ytboi5dgnbv@cf-bounce.example.com")).toBe("0660c560ec357d");
    expect(["", "b-short-0-x@example.com", "ann@example.com"].map(queueIdOf)).toEqual([undefined, undefined, undefined]);
  });

  it("is by whoever its From says", () => {
    const texts = ['"Example Shop" <shop@example.com>', "<ann@example.com>", "Ann <ann@example.com>", "ann@example.com", '"A \\"B\\"" <a@b.example>'];
    expect(texts.map(authorOf)).toEqual(["Example Shop", "ann@example.com", "Ann", "ann@example.com", 'A "B"']);
  });

  it("has a path of its own, whatever its id", () => {
    expect(inboxPath("a/../b")).toBe("/delivery/sandbox/messages/a%2F..%2Fb");
  });
});
