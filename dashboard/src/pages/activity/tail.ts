// What a live tail shows: the newest, and not more than people and browsers bear.

import type { LiveHappening } from "../../client/types/activity";

/** Rows that are shown. */
export const SHOWN = 200;
/** Rows kept for later while it pauses. */
export const HELD = 1_000;

export interface TailRow extends LiveHappening {
  /** Its number of all that came. */
  readonly at_number: number;
}

export interface Tail {
  /** The newest first. */
  readonly rows: readonly TailRow[];
  /** What came while it paused, the newest first. */
  readonly held: readonly TailRow[];
  readonly isPaused: boolean;
  /** How many came in all. */
  readonly seen: number;
  /** How many the server could not tell us of, or we could not keep. */
  readonly missed: number;
}

export const EMPTY: Tail = { rows: [], held: [], isPaused: false, seen: 0, missed: 0 };

/** After these came, the oldest first. */
export function heard(tail: Tail, came: readonly LiveHappening[], missed = 0): Tail {
  const fresh = came.map((row, at) => ({ ...row, at_number: tail.seen + at })).reverse();
  const next = { ...tail, seen: tail.seen + came.length, missed: tail.missed + missed };
  if (!tail.isPaused) return { ...next, rows: [...fresh, ...tail.rows].slice(0, SHOWN) };
  const held = [...fresh, ...tail.held];
  return { ...next, held: held.slice(0, HELD), missed: next.missed + Math.max(0, held.length - HELD) };
}

export function paused(tail: Tail): Tail {
  return { ...tail, isPaused: true };
}

export function resumed(tail: Tail): Tail {
  return { ...tail, isPaused: false, held: [], rows: [...tail.held, ...tail.rows].slice(0, SHOWN) };
}
