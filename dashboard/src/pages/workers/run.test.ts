import { expect, it } from "vitest";
import type { Run } from "../../client/types/workers";
import { saysText, titleOf } from "./run";

const run: Run = {
  outcome: "ok",
  scriptName: "mail",
  eventTimestamp: 0,
  truncated: false,
  event: { mailFrom: "", rcptTo: "a@example.com", rawSize: 7 },
  logs: [{ level: "log", timestamp: 0, message: ["parsed", { n: 1 }] }],
  exceptions: [{ name: "TypeError", message: "no such thing", timestamp: 0 }],
};

it("tells what happened, also of mail from nobody, queues, requests and what is new to it", () => {
  expect(titleOf(run.event)).toBe("Mail from nobody (<>) to a@example.com");
  expect(titleOf({ queue: "jobs", batchSize: 3 })).toBe("3 messages of the queue jobs");
  expect(titleOf({ request: { method: "GET", url: "http://x/" } })).toBe("GET http://x/");
  expect(titleOf({ type: "overload", message: "too slow" })).toBe("too slow");
  expect(titleOf({})).toBe("Event");
});

it("finds words in lines, values and exceptions", () => {
  for (const words of ["", "PARSED", '"n":1', "typeerror: no", "a@example"]) expect(saysText(run, words), words).toBe(true);
  expect(saysText(run, "else")).toBe(false);
});
