// What Workers say as they run: a WebSocket with a message for each event.

import { useEffect, useRef, useState } from "preact/hooks";
import { post } from "./http";
import type { Run, Tail } from "./types/workers";

export type TailState = "connecting" | "open" | "ended";

/** What the service's tools speak. */
const PROTOCOL = "trace-v1";

/** Hears the events of a Worker while `path` (of its tails) is given; `turn` begins anew. */
export function useTail(path: string | undefined, turn: number, hear: (run: Run) => void): { state: TailState; failure: Error | undefined } {
  const [state, setState] = useState<TailState>("connecting");
  const [failure, setFailure] = useState<Error>();
  const newest = useRef(hear);
  newest.current = hear;
  useEffect(() => {
    if (!path) return undefined;
    const under = new AbortController();
    let end = () => undefined as void;
    setState("connecting");
    setFailure(undefined);
    post<Tail>(path, {}, { signal: under.signal }).then(
      ({ result }) => {
        if (under.signal.aborted) return;
        const socket = new WebSocket(ownAddress(result.url), PROTOCOL);
        // The tail ends with it.
        end = () => socket.close();
        socket.onopen = () => setState("open");
        socket.onclose = () => under.signal.aborted || setState("ended");
        socket.onmessage = ({ data }) => {
          const run = parsed(data);
          if (run) newest.current(run);
        };
      },
      (error: Error) => {
        if (under.signal.aborted) return;
        setFailure(error);
        setState("ended");
      },
    );
    return () => {
      under.abort();
      end();
    };
  }, [path, turn]);
  return { state, failure };
}

/** The same at the host of our own page: what is between us and the server may call it otherwise. */
export function ownAddress(address: string): string {
  const { pathname, search } = new URL(address);
  return `${location.origin.replace(/^http/, "ws")}${pathname}${search}`;
}

function parsed(data: unknown): Run | undefined {
  try {
    return JSON.parse(String(data)) as Run;
  } catch {
    return undefined;
  }
}
