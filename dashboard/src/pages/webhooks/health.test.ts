import { describe, expect, it } from "vitest";
import type { Webhook, WebhookAttempt } from "../../client/types/webhooks";
import { healthOf, outcomeOf, takenShare } from "./health";

const webhook = (fields: Partial<Webhook>) => ({ enabled: true, failing_since: null, waiting_events: 0, ...fields }) as Webhook;
const attempt = (delivered: boolean, status: number | null) => ({ delivered, status }) as WebhookAttempt;

describe("an endpoint", () => {
  it("is paused before it is anything else, and failing before it is behind", () => {
    const since = "2026-11-21T10:00:00.000Z";
    const names = [
      webhook({ enabled: false, failing_since: since }),
      webhook({ failing_since: since, waiting_events: 3 }),
      webhook({ waiting_events: 3 }),
      webhook({}),
    ].map((one) => healthOf(one)[1]);
    expect(names).toEqual(["Paused", "Failing", "Behind", "Working"]);
  });

  it("has its share of calls that were taken, if there were any", () => {
    expect(takenShare([])).toBeUndefined();
    expect(takenShare([attempt(true, 200), attempt(false, 500), attempt(false, null), attempt(true, 204)])).toBe(0.5);
  });

  it("may have said nothing at all", () => {
    expect([attempt(true, 204), attempt(false, 503), attempt(false, null)].map((one) => outcomeOf(one)[1])).toEqual([
      "204",
      "503",
      "No answer",
    ]);
  });
});
