// Loading what a page shows.

import { useCallback, useEffect, useRef, useState } from "preact/hooks";

export interface Loaded<T> {
  /** The newest that came; it stays while more is on its way. */
  readonly data: T | undefined;
  readonly failure: Error | undefined;
  readonly isLoading: boolean;
  readonly reload: () => void;
}

interface Options {
  /** Milliseconds after which it is loaded again, while the page is seen. */
  readonly every?: number;
}

/** Loads when `deps` change; what is under way then is given up. */
export function useLoad<T>(
  load: (signal: AbortSignal) => Promise<T>,
  deps: readonly unknown[],
  { every }: Options = {},
): Loaded<T> {
  const [state, setState] = useState<Pick<Loaded<T>, "data" | "failure" | "isLoading">>({
    data: undefined,
    failure: undefined,
    isLoading: true,
  });
  const [turn, setTurn] = useState(0);
  const newest = useRef(load);
  newest.current = load;

  useEffect(() => {
    const under = new AbortController();
    setState((before) => ({ ...before, isLoading: true }));
    newest.current(under.signal).then(
      (data) => under.signal.aborted || setState({ data, failure: undefined, isLoading: false }),
      (failure: Error) =>
        under.signal.aborted || setState(({ data }) => ({ data, failure, isLoading: false })),
    );
    return () => under.abort();
  }, [...deps, turn]);

  const reload = useCallback(() => setTurn((turn) => turn + 1), []);
  useEvery(reload, every);
  return { ...state, reload };
}

/** Acts again and again while the page is seen. */
export function useEvery(act: () => void, millis: number | undefined): void {
  useEffect(() => {
    if (!millis) return undefined;
    const timer = setInterval(() => document.hidden || act(), millis);
    return () => clearInterval(timer);
  }, [act, millis]);
}

export interface Action {
  readonly run: () => Promise<void>;
  readonly isRunning: boolean;
  readonly failure: Error | undefined;
}

/** Something a button does: once at a time, and its failure is kept to be shown. */
export function useAction(act: () => Promise<void>): Action {
  const [isRunning, setRunning] = useState(false);
  const [failure, setFailure] = useState<Error>();
  const run = async () => {
    if (isRunning) return;
    setRunning(true);
    setFailure(undefined);
    try {
      await act();
    } catch (error) {
      setFailure(error as Error);
    } finally {
      setRunning(false);
    }
  };
  return { run, isRunning, failure };
}
