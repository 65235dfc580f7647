// Which mail an operator means: what stands in the address, and what an order is given.

import { get } from "../../client/http";
import type { EntryRow, QueueSummary } from "../../client/types/delivery";
import { counted } from "../../kit/format";

/** Fields of a filter; those that are given must all match. */
export interface Filter {
  readonly domain?: string;
  readonly tenant?: string;
  readonly pool?: string;
  /** Messages whose id begins so. */
  readonly id?: string;
}

export const FIELDS = ["domain", "tenant", "pool", "id"] as const;

/** The filter that an address says. */
export function filterOf(params: URLSearchParams): Filter {
  const said = FIELDS.map((name) => [name, params.get(name)?.trim() ?? ""] as const);
  return Object.fromEntries(said.filter(([, value]) => value !== ""));
}

export function isEmpty(filter: Filter): boolean {
  return FIELDS.every((name) => !filter[name]);
}

/** What an order is about: mail of a filter, which has to say so when it is all, or entries that were chosen one by one. */
export type Target =
  | { readonly kind: "filter"; readonly filter: Filter }
  | { readonly kind: "chosen"; readonly entries: readonly Pick<EntryRow, "id" | "domain">[] };

/** The bodies of the requests that carry out an order about a target. */
export function bodiesOf(target: Target): readonly Readonly<Record<string, unknown>>[] {
  if (target.kind === "chosen") return target.entries.map(({ id, domain }) => ({ id, domain }));
  return [isEmpty(target.filter) ? { all: true } : { ...target.filter }];
}

/** In words: "all mail", "mail to example.com of the tenant shop", "3 entries". */
export function described(target: Target): string {
  if (target.kind === "chosen") {
    return counted(target.entries.length, "chosen entry", "chosen entries");
  }
  const { domain, tenant, pool, id } = target.filter;
  const parts = [
    domain && `to ${domain}`,
    tenant && `of the account ${tenant}`,
    pool && `for the pool ${pool}`,
    id && `with ids that begin with ${id}`,
  ].filter(Boolean);
  return parts.length === 0 ? "all mail in the queue" : `mail ${parts.join(" ")}`;
}

/** Entries counted before nobody wants to know more exactly. */
const COUNTED = 1_000;

/** How many entries a target has now. */
export async function countOf(target: Target, signal: AbortSignal): Promise<{ readonly entries: number; readonly isMore: boolean }> {
  if (target.kind === "chosen") return { entries: target.entries.length, isMore: false };
  const { filter } = target;
  if (!filter.id) {
    const { result } = await get<QueueSummary>("/delivery/queue", { query: { ...filter, limit: 0 }, signal });
    return { entries: result.totals.entries, isMore: false };
  }
  let entries = 0;
  let cursor: string | undefined;
  do {
    const query = { ...filter, cursor, per_page: COUNTED };
    const { result, info } = await get<EntryRow[]>("/delivery/queue/entries", { query, signal });
    entries += result.length;
    cursor = info?.cursor ?? undefined;
  } while (cursor && entries < COUNTED);
  return { entries, isMore: Boolean(cursor) };
}
