// What the tabs of the queue show, loaded together so that they agree.

import { get } from "../../client/http";
import type { QueueSummary, Suspension } from "../../client/types/delivery";
import { useLoad, type Loaded } from "../../kit/load";
import type { Filter } from "./filter";

/** Milliseconds between looks at the queue. */
const EVERY = 5_000;
/** Domains and sites that are looked at: those with most entries. */
const LARGEST = 500;

export interface QueueState {
  readonly summary: QueueSummary;
  readonly suspensions: readonly Suspension[];
}

/** The queue as far as a filter goes. */
export function useQueue({ domain, tenant, pool }: Filter): Loaded<QueueState> {
  return useLoad(
    async (signal) => {
      const [summary, suspensions] = await Promise.all([
        get<QueueSummary>("/delivery/queue", { query: { domain, tenant, pool, limit: LARGEST }, signal }),
        get<Suspension[]>("/delivery/suspensions", { signal }),
      ]);
      return { summary: summary.result, suspensions: suspensions.result };
    },
    [domain, tenant, pool],
    { every: EVERY },
  );
}
