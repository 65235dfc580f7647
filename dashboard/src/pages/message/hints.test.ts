import { expect, it } from "vitest";
import type { RecipientState } from "../../client/types/activity";
import { hintFor } from "./hints";

const of = (state: Partial<RecipientState>) =>
  hintFor({
    status: "sent",
    class: "",
    code: "",
    reply: "",
    attempts: 1,
    next_attempt_at: null,
    updated_at: "2026-11-22T00:00:00Z",
    bounced_late: false,
    ...state,
  });

it("says what to do where a message did not arrive, and nothing where it did", () => {
  expect(of({ status: "delivered", recipient: "a@b.example" })).toBeUndefined();
  expect(of({ status: "delivered", recipient: "a@b.example", complained_at: "2026-11-22T00:00:00Z" })).toMatch(/spam/);
  expect(of({ status: "deliveryFailed", class: "no_such_mailbox" })).toMatch(/does not exist/);
  expect(of({ status: "deliveryFailed", bounced_late: true })).toMatch(/sent it back/);
  expect(of({ status: "deliveryFailed", class: "of tomorrow" })).toBeUndefined();
});

it("knows who refused: we what somebody sends, or what came from the world", () => {
  expect(of({ status: "rejected", recipient: "a@b.example" })).toMatch(/suppression list/);
  expect(of({ status: "rejected", to: "a@b.example", code: "4.3.0" })).toMatch(/come again/);
  expect(of({ status: "rejected", to: "a@b.example", code: "5.7.1" })).toMatch(/told why/);
});
