// How much room a chart has.

import type { RefObject } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

/** Pixels around what is drawn. */
export const MARGIN = { top: 8, right: 8, bottom: 24, left: 52 } as const;
/** Pixels of the whole; the same while it loads, so that nothing moves. */
export const HEIGHT = 220;

/** The width of an element, as it changes; 0 before it is known. */
export function useWidth(): readonly [RefObject<HTMLDivElement | null>, number] {
  const element = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const here = element.current;
    if (!here) return undefined;
    setWidth(here.clientWidth);
    const observer = new ResizeObserver(() => setWidth(here.clientWidth));
    observer.observe(here);
    return () => observer.disconnect();
  }, []);
  return [element, width];
}
