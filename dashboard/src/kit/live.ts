// What the server tells as it happens (Server-Sent Events).

import { useEffect, useRef, useState } from "preact/hooks";

export type LiveState = "connecting" | "open" | "off";

/** Hears the events of a stream while `address` is given; the browser connects again by itself. */
export function useLive(address: string | undefined, kinds: readonly string[], hear: (kind: string, data: unknown) => void): LiveState {
  const [state, setState] = useState<LiveState>("off");
  const newest = useRef(hear);
  newest.current = hear;
  useEffect(() => {
    if (!address) {
      setState("off");
      return undefined;
    }
    setState("connecting");
    const source = new EventSource(address);
    source.onopen = () => setState("open");
    source.onerror = () => setState(source.readyState === EventSource.CLOSED ? "off" : "connecting");
    for (const kind of kinds) {
      source.addEventListener(kind, (event) => newest.current(kind, parsed(event as MessageEvent<string>)));
    }
    return () => source.close();
  }, [address, kinds.join()]);
  return state;
}

function parsed({ data }: MessageEvent<string>): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return undefined;
  }
}
