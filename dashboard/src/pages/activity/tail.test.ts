import { expect, it } from "vitest";
import type { LiveHappening } from "../../client/types/activity";
import { EMPTY, HELD, heard, paused, resumed, SHOWN } from "./tail";

const event = (id: number): LiveHappening => ({
  id: String(id),
  message_id: "",
  from: "",
  subject: null,
  at: "2026-11-22T00:00:00Z",
  event: "attempt",
  text: "",
});
const events = (from: number, many: number) => Array.from({ length: many }, (_, at) => event(from + at));

it("shows the newest first, and not all", () => {
  const tail = heard(heard(EMPTY, events(0, SHOWN)), events(SHOWN, 2));
  expect(tail.rows).toHaveLength(SHOWN);
  expect(tail.rows.slice(0, 3).map(({ id }) => id)).toEqual(["201", "200", "199"]);
  expect(new Set(tail.rows.map(({ at_number }) => at_number)).size).toBe(SHOWN);
  expect(tail.seen).toBe(SHOWN + 2);
});

it("keeps what comes while it pauses, and says what it could not keep", () => {
  const still = heard(paused(heard(EMPTY, events(0, 1))), events(1, 3), 5);
  expect([still.rows.length, still.held.length, still.missed]).toEqual([1, 3, 5]);
  expect(resumed(still).rows.map(({ id }) => id)).toEqual(["3", "2", "1", "0"]);
  const full = heard(still, events(4, HELD));
  expect([full.held.length, full.missed]).toEqual([HELD, 8]);
});
