// Hearing a live tail.

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { LiveHappening } from "../../client/types/activity";
import { count } from "../../kit/format";
import { useLive } from "../../kit/live";
import { useEvery } from "../../kit/load";
import { EMPTY, HELD, heard, type Tail } from "./tail";

const KINDS = [
  "accepted",
  "addressed",
  "attempt",
  "expired",
  "cancelled",
  "rerouted",
  "report_sent",
  "suppressed",
  "rejected",
  "failed",
  "dropped",
  "processed",
  "ran",
  "held",
  "released",
  "late_bounce",
  "complaint",
  "unsubscribed",
  "missed",
] as const;

/** How often what came is shown, in milliseconds: many at once are one drawing. */
const DRAWN_EVERY = 250;
/** How often it is said aloud how many came. */
const SAID_EVERY = 10_000;

/** Hears a stream; what it tells is drawn a few times a second. */
export function useTail(address: string) {
  const [tail, setTail] = useState<Tail>(EMPTY);
  const came = useRef<{ events: LiveHappening[]; missed: number }>({ events: [], missed: 0 });
  useEffect(() => {
    came.current = { events: [], missed: 0 };
    setTail(EMPTY);
  }, [address]);
  const state = useLive(address, KINDS, (kind, data) => {
    const { events } = came.current;
    if (kind === "missed") came.current.missed += (data as { count: number }).count;
    else if (data) events.push(data as LiveHappening);
    // While the page is not seen nothing is drawn, and much may come.
    if (events.length > HELD) {
      events.shift();
      came.current.missed += 1;
    }
  });
  const draw = useCallback(() => {
    const { events, missed } = came.current;
    if (events.length === 0 && missed === 0) return;
    came.current = { events: [], missed: 0 };
    setTail((tail) => heard(tail, events, missed));
  }, []);
  useEvery(draw, DRAWN_EVERY);
  return { tail, setTail, state };
}

/** How many came since it was said last. */
export function useSaid(seen: number): string {
  const [said, setSaid] = useState("");
  const newest = useRef(seen);
  newest.current = seen;
  const before = useRef(0);
  const say = useCallback(() => {
    const fresh = newest.current - before.current;
    before.current = newest.current;
    setSaid(fresh > 0 ? `${count(fresh)} new ${fresh === 1 ? "event" : "events"}` : "");
  }, []);
  useEvery(say, SAID_EVERY);
  return said;
}
