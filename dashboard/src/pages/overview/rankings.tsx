import { useState } from "preact/hooks";
import { classText, CLASSES } from "../../client/activity";
import type { Direction } from "../../client/types/activity";
import { Button } from "../../kit/button";
import { Ranking, type Ranked } from "../../kit/chart/ranking";
import { count } from "../../kit/format";
import { useLoad } from "../../kit/load";
import { Failure, Skeleton, statusName } from "../../kit/show";
import { addresses, MOST_ADDRESSES, type Counts, type Of } from "./ask";
import { ranked, type Totals } from "./figures";
import { log, logOfCause } from "./links";
import type { Span } from "./span";

/** Rows of a ranking. */
const MOST = 8;
/** With more mail than this, recipients' domains are only counted when somebody asks: every recipient is looked at. */
const AT_ONCE = 20_000;

const failedAside = (all: Totals) => {
  const failed = all.byStatus["deliveryFailed"] ?? 0;
  return failed > 0 ? <span class="soft">({count(failed)} failed)</span> : undefined;
};

export function Causes({ direction, counts }: { readonly direction: Direction; readonly counts: Counts | undefined }) {
  const rows = counts?.causes.map(({ count: value, dimensions }): Ranked => {
    const { errorCause = "", status = "" } = dimensions;
    const isClass = (CLASSES as readonly string[]).includes(errorCause);
    const cause = isClass ? classText(errorCause) : errorCause;
    return { name: cause ? `${cause} (${statusName(status)})` : statusName(status), value, to: logOfCause(direction, dimensions) };
  });
  return <Ranking title="What mail fails of" rows={rows} empty="Nothing failed" />;
}

export function SendingDomains({ counts }: { readonly counts: Counts | undefined }) {
  const found = counts && ranked(counts.domains, ({ dimensions }) => dimensions.sendingDomain || undefined);
  const rows = found?.slice(0, MOST).map(({ name, all }) => ({
    name,
    value: all.count,
    aside: failedAside(all),
    to: log("sending", { sending_domain: name }),
  }));
  return <Ranking title="Sending domains" rows={rows} empty="Nothing was sent" />;
}

interface Props {
  readonly of: Of;
  readonly span: Span;
  /** Recipients in all. */
  readonly all: number | undefined;
}

/** Where mail goes: the domains of its recipients. */
export function RecipientDomains({ of, span, all }: Props) {
  const [isWanted, setWanted] = useState(false);
  const isAsked = isWanted || (all !== undefined && all <= AT_ONCE);
  const found = useLoad(
    async (signal) => (isAsked ? addresses(of, span, signal) : undefined),
    [of.tag, of.direction, span, isAsked],
  );
  const groups = isAsked ? found.data : undefined;
  const rows = groups && ranked(groups, ({ dimensions }) => dimensions.envelopeTo?.split("@").at(-1) || undefined);
  const domains = rows?.slice(0, MOST).map(({ name, all }) => ({
    name,
    value: all.count,
    aside: failedAside(all),
    to: log(of.direction, { domain: name }),
  }));
  return (
    <Ranking title="Recipients' domains" rows={domains} empty="Nothing was sent">
      {all !== undefined && !isAsked && (
        <>
          <p class="soft">They are counted when asked for: {count(all)} recipients have to be looked at.</p>
          <Button onClick={() => setWanted(true)}>Count them</Button>
        </>
      )}
      {isAsked && !groups && !found.failure && <Skeleton lines={6} />}
      {isAsked && !groups && <Failure failure={found.failure} again={found.reload} />}
      {groups && groups.length >= MOST_ADDRESSES && (
        <p class="chart-note">Of the {count(MOST_ADDRESSES)} addresses that got most.</p>
      )}
    </Ranking>
  );
}
