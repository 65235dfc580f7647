import { expect, it } from "vitest";
import type { RecipientState } from "../../client/types/activity";
import { isFresh, standing } from "./find";

it("knows from its id when a message came", () => {
  const came = new Date(0x0660de0f05be80 / 1_000);
  expect(came.toISOString().slice(0, 10)).toBe("2026-11-22");
  expect(isFresh("0660de0f05be80", new Date(came.getTime() + 59_000))).toBe(true);
  expect(isFresh("0660de0f05be80", new Date(came.getTime() + 61_000))).toBe(false);
  expect(isFresh("nonsense", came)).toBe(false);
});

it("tells how all recipients stand", () => {
  const of = (...statuses: string[]) => statuses.map((status) => ({ status }) as RecipientState);
  const told = (recipients: readonly RecipientState[]) => standing({ recipients });
  expect(told(of("delivered"))).toBe("Delivered");
  expect(told(of("sent", "delivered", "sent"))).toBe("2 on its way, 1 delivered");
});
