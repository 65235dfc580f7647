import { expect, it } from "vitest";
import { csv } from "./csv";

it("quotes what has to be, and leaves no formulas", () => {
  const columns = [
    { name: "a", value: ({ a }: { a: string; b: number | null }) => a },
    { name: "b, c", value: ({ b }: { a: string; b: number | null }) => b },
  ];
  const rows = [
    { a: 'says "no"', b: -1 },
    { a: "=1+1", b: null },
    { a: "two\nlines", b: 0 },
  ];
  expect(csv(columns, rows)).toBe('a,"b, c"\r\n"says ""no""",-1\r\n\'=1+1,\r\n"two\nlines",0\r\n');
});
