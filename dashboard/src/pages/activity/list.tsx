import { messagesPath, type Whose } from "../../client/activity";
import { get } from "../../client/http";
import type { Line } from "../../client/types/activity";
import { Button, ButtonLink } from "../../kit/button";
import { csv, download } from "../../kit/csv";
import { SelectField } from "../../kit/field";
import { count } from "../../kit/format";
import { useLoad } from "../../kit/load";
import { NextPage } from "../../kit/page";
import { Empty, Failure, Skeleton, Time } from "../../kit/show";
import { Table } from "../../kit/table";
import { href, setParams, useRoute } from "../../router";
import { useScope } from "../../state/scope";
import { useWindow } from "../../state/window";
import { columns, csvColumns, keyOf, messageTo } from "./columns";
import type { Filter } from "./filters";

const SIZES = ["50", "200", "1000"] as const;
/** The newest page is kept fresh. */
const EVERY = 15_000;

interface Props {
  readonly whose: Whose;
  readonly filter: Filter;
}

/** A page of the log. */
export function LogList({ whose, filter }: Props) {
  const { params } = useRoute();
  const { accounts } = useScope();
  const span = useWindow();
  const cursor = params.get("cursor") ?? undefined;
  const perPage = SIZES.find((size) => size === params.get("per_page")) ?? "50";
  const path = messagesPath(whose);
  const said = JSON.stringify(filter);
  const page = useLoad(
    (signal) => {
      // A cursor knows the filters of its list.
      const [since, until] = [span.since.toISOString(), span.length ? undefined : span.until.toISOString()];
      const query = cursor ? { cursor } : { ...filter, since, until };
      return get<Line[]>(path, { signal, query: { ...query, zone_id: whose.zone, per_page: perPage } });
    },
    [path, whose.zone, said, cursor, perPage, span],
    { every: cursor ? undefined : EVERY },
  );
  if (page.failure && !page.data) return <Failure failure={page.failure} again={page.reload} />;
  if (!page.data) return <Skeleton lines={12} />;

  const { result: lines, info } = page.data;
  const isAll = whose.account === undefined;
  const nameOf = (id: string) => accounts.find((account) => account.id === id)?.name ?? id;
  const next = info?.cursor ? here(params, { cursor: info.cursor }) : undefined;
  const save = () => download(`activity-${whose.direction}.csv`, "text/csv", csv(csvColumns(whose.direction), lines));
  return (
    <>
      <Failure failure={page.failure} again={page.reload} />
      {lines.length > 0 ? (
        <Table
          caption={whose.direction === "sending" ? "Mail that was sent" : "Mail from the world"}
          columns={columns(whose.direction, isAll ? nameOf : undefined)}
          rows={lines}
          keyOf={keyOf}
          to={({ id }) => messageTo(id, whose.direction, isAll)}
        />
      ) : (
        <Nothing isFiltered={said !== "{}"} goesOn={Boolean(next)} />
      )}
      <div class="row activity-foot">
        {cursor && <ButtonLink to={here(params, { cursor: undefined })}>Newest</ButtonLink>}
        <NextPage to={next} />
        <span class="soft">
          {count(lines.length)} {lines.length === 1 ? "line" : "lines"}
          {info?.complete_until && (
            <>
              ; complete until <Time at={info.complete_until} />
            </>
          )}
        </span>
        <SelectField
          label="Lines of a page"
          hideLabel
          value={perPage}
          choices={SIZES.map((value) => ({ value, name: `${count(Number(value))} a page` }))}
          onChoose={(value) => setParams({ per_page: value, cursor: undefined })}
        />
        <Button onClick={save} disabled={lines.length === 0}>
          Save as CSV
        </Button>
      </div>
    </>
  );
}

/** This page with other parameters. */
function here(params: URLSearchParams, changed: Readonly<Record<string, string | undefined>>): string {
  return href("/activity", { ...Object.fromEntries(params), ...changed });
}

function Nothing({ isFiltered, goesOn }: { readonly isFiltered: boolean; readonly goesOn: boolean }) {
  if (goesOn) {
    return (
      <Empty title="Nothing on this page">
        <p>So many lines were looked at that the page ended. The next one goes on.</p>
      </Empty>
    );
  }
  return (
    <Empty title={isFiltered ? "Nothing matches" : "No mail in this time"}>
      <p>
        {isFiltered
          ? "Remove a filter, or choose a longer time at the top."
          : "Choose a longer time at the top, or send a message: it is here a second later."}
      </p>
    </Empty>
  );
}
