import { describe, expect, it } from "vitest";
import { inParts, readList } from "./read_list";

describe("a pasted list", () => {
  it("has an address a line; empty lines and remarks are none", () => {
    expect(readList("ann@example.org\r\n\n# gone\n  bob@example.org  \n")).toEqual([
      { line: 1, email: "ann@example.org" },
      { line: 4, email: "bob@example.org" },
    ]);
  });

  it("is read by its heading where it is CSV, wherever the columns are", () => {
    const text = 'Name;Email;Note\nAnn;ann@example.org;"said ""no"";\nby phone"\nBob;bob@example.org;\n';
    expect(readList(text)).toEqual([
      { line: 2, email: "ann@example.org", note: 'said "no";\nby phone' },
      { line: 4, email: "bob@example.org" },
    ]);
  });

  it("keeps local parts in quotes as they are", () => {
    expect(readList('"odd name"@example.org')).toEqual([{ line: 1, email: '"odd name"@example.org' }]);
  });

  it("takes an unclosed quote for a character, and an empty text for no list", () => {
    expect(readList('"ann@example.org\nbob@example.org').length).toBe(2);
    expect(readList("\n \n")).toEqual([]);
  });

  it("goes in parts of a thousand", () => {
    expect(inParts(Array.from({ length: 2_001 }, (_, at) => at)).map((part) => part.length)).toEqual([1_000, 1_000, 1]);
  });
});
