import type { PageInfo } from "../client/http";
import { setParams } from "../router";
import { Button } from "./button";
import { count } from "./format";

/** Pages of a list that is numbered; the number stands in the address. */
export function NumberedPages({ info, name = "page" }: { readonly info: PageInfo | undefined; readonly name?: string }) {
  const { page = 1, total_pages = 1, total_count } = info ?? {};
  if (total_pages <= 1) return null;
  const go = (to: number) => setParams({ [name]: to > 1 ? String(to) : undefined }, { replace: false });
  return (
    <nav class="pager row" aria-label="Pages of the list">
      <Button disabled={page <= 1} onClick={() => go(page - 1)}>
        Newer
      </Button>
      <span>
        Page {count(page)} of {count(total_pages)}
        {total_count !== undefined && <span class="soft"> ({count(total_count)} in all)</span>}
      </span>
      <Button disabled={page >= total_pages} onClick={() => go(page + 1)}>
        Older
      </Button>
    </nav>
  );
}
