import { useState } from "preact/hooks";
import { get } from "../../client/http";
import type { Suppression } from "../../client/types/sending";
import { Button } from "../../kit/button";
import { useAction, useLoad } from "../../kit/load";
import { NextPage, Page } from "../../kit/page";
import { Card, Empty, Failure, Skeleton } from "../../kit/show";
import { href, useRoute } from "../../router";
import { useAccount } from "../../state/scope";
import { useMay } from "../../state/session";
import { AddSuppression } from "./add";
import { BulkAdd } from "./bulk";
import { Edit } from "./edit";
import { exportAll } from "./export";
import { FILTERS, Filters } from "./filters";
import { Removal } from "./removal";
import { SuppressionTable } from "./list";
import "./suppressions.css";

const PER_PAGE = 50;

type Open = { readonly what: "add" | "bulk" } | { readonly what: "edit" | "remove"; readonly row: Suppression };

/** Whom the account's mail is not sent to. */
export default function SuppressionsPage() {
  const account = useAccount();
  const { params } = useRoute();
  const [open, setOpen] = useState<Open>();
  const mayChange = useMay("suppression_edit");
  const path = `/accounts/${account.id}/email/sending/suppressions`;
  const filters = Object.fromEntries(FILTERS.map((name) => [name, params.get(name) ?? undefined]));
  const cursor = params.get("cursor");
  const isFiltered = Object.values(filters).some(Boolean);
  const found = useLoad(
    (signal) => get<Suppression[]>(path, { query: { ...filters, cursor, per_page: PER_PAGE }, signal }),
    [path, JSON.stringify(filters), cursor],
  );
  const save = useAction(() => exportAll(path, filters));
  const close = () => setOpen(undefined);
  const rows = found.data?.result;
  const next = found.data?.info?.cursor;
  return (
    <Page
      title="Suppressions"
      lead="Addresses that this account's mail is not sent to. Bounces, complaints and unsubscribes add them by themselves."
      actions={
        <>
          <Button busy={save.isRunning} onClick={() => void save.run()}>
            Export CSV
          </Button>
          {mayChange && <Button onClick={() => setOpen({ what: "bulk" })}>Add many</Button>}
          {mayChange && (
            <Button kind="primary" icon="plus" onClick={() => setOpen({ what: "add" })}>
              Add address
            </Button>
          )}
        </>
      }
    >
      <Filters params={params} />
      <Failure failure={found.failure ?? save.failure} again={found.reload} />
      <Card>
        {!rows && !found.failure && <Skeleton lines={8} />}
        {rows?.length === 0 && (
          <Empty title={isFiltered ? "Nothing on this page matches" : "Nobody is suppressed"}>
            <p>
              {isFiltered
                ? "Change the filters, or look at all of them."
                : "Addresses that bounce for good, complain or unsubscribe come here by themselves."}
            </p>
          </Empty>
        )}
        {rows && rows.length > 0 && (
          <SuppressionTable
            rows={rows}
            mayChange={mayChange}
            onEdit={(row) => setOpen({ what: "edit", row })}
            onRemove={(row) => setOpen({ what: "remove", row })}
          />
        )}
        <NextPage to={next ? href("/suppressions", { ...filters, cursor: next }) : undefined} />
      </Card>
      {open?.what === "add" && <AddSuppression path={path} changed={found.reload} onClose={close} />}
      {open?.what === "bulk" && <BulkAdd path={path} changed={found.reload} onClose={close} />}
      {open?.what === "edit" && <Edit path={path} row={open.row} changed={found.reload} onClose={close} />}
      {open?.what === "remove" && <Removal path={path} row={open.row} changed={found.reload} onClose={close} />}
    </Page>
  );
}
