import { expect, it } from "vitest";
import { verdict } from "./examination";

it("says the worst of a part, and of what is not used not that it is good", () => {
  const [note, warning, error] = [{ severity: "note" }, { severity: "warning" }, { severity: "error" }] as const;
  expect(verdict([warning, error, note], true)[1]).toBe("To mend");
  expect(verdict([note, warning], false)[1]).toBe("Could be better");
  expect(verdict([note], true)[1]).toBe("Good");
  expect(verdict([], false)[1]).toBe("Not used");
});
