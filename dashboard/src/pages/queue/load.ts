// What the tabs of the queue show, loaded together so that they agree.

import { get } from "../../client/http";
import type { EngineState, QueueSummary, Suspension } from "../../client/types/delivery";
import { useLoad, type Loaded } from "../../kit/load";
import type { Filter } from "./filter";

/** Milliseconds between looks at the queue. */
export const EVERY = 5_000;

export interface QueueState {
  readonly summary: QueueSummary;
  readonly engine: EngineState;
  readonly suspensions: readonly Suspension[];
}

/** The queue as far as a filter goes. */
export function useQueue({ domain, tenant, pool }: Filter): Loaded<QueueState> {
  return useLoad(
    async (signal) => {
      const [summary, engine, suspensions] = await Promise.all([
        get<QueueSummary>("/delivery/queue", { query: { domain, tenant, pool, limit: 500 }, signal }),
        get<EngineState>("/delivery/state", { query: { domain }, signal }),
        get<Suspension[]>("/delivery/suspensions", { signal }),
      ]);
      return { summary: summary.result, engine: engine.result, suspensions: suspensions.result };
    },
    [domain, tenant, pool],
    { every: EVERY },
  );
}
