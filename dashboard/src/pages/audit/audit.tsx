import { useState } from "preact/hooks";
import { get, part } from "../../client/http";
import type { AuditRecord } from "../../client/types/accounts";
import { Button } from "../../kit/button";
import { SelectField } from "../../kit/field";
import { FilterField } from "../../kit/filter_field";
import { useLoad } from "../../kit/load";
import { Page } from "../../kit/page";
import { NumberedPages } from "../../kit/pages";
import { Empty, Failure, Skeleton } from "../../kit/show";
import { chooseLength, useWindow } from "../../state/window";
import { setParams, useRoute } from "../../router";
import { useScope } from "../../state/scope";
import "./audit.css";
import { ChangeDialog } from "./change_dialog";
import { AuditTable, KINDS } from "./table";

const PER_PAGE = 50;

/** Who changed what. */
export default function AuditPage() {
  const { account } = useScope();
  const { params } = useRoute();
  const [turn, setTurn] = useState(0);
  const { since, until, length } = useWindow(turn);
  const [shown, setShown] = useState<AuditRecord>();
  const [kind, id] = [params.get("kind") ?? "", params.get("object") ?? ""];
  const page = Number(params.get("page") ?? 1);
  const found = useLoad(
    async (signal) => {
      if (!account) return undefined;
      const query = {
        // Up to now means: with what happens while it is looked at.
        ...{ since: since.toISOString(), before: length ? undefined : until.toISOString() },
        ...{ "resource.type": kind, "resource.id": id, page, per_page: PER_PAGE },
      };
      return get<AuditRecord[]>(`/accounts/${part(account.id)}/audit_logs`, { query, signal });
    },
    [account?.id, since, until, kind, id, page],
  );
  if (!account) return <Empty title="There is no account yet" />;
  const records = found.data?.result;
  const change = (fields: Record<string, string>) => setParams({ ...fields, page: undefined }, { replace: false });
  return (
    <Page
      title="Audit log"
      lead={`Who changed what in ${account.name}. Records are kept for 400 days.`}
      actions={
        <Button icon="refresh" onClick={() => setTurn(turn + 1)}>
          Look again
        </Button>
      }
    >
      <div class="filters" role="search" aria-label="Changes">
        <SelectField
          label="Kind of object"
          value={kind}
          choices={[{ value: "", name: "Any" }, ...Object.entries(KINDS).map(([value, name]) => ({ value, name }))]}
          onChoose={(kind) => change({ kind })}
        />
        <FilterField label="Id of the object" value={id} onSettle={(object) => change({ object: object.trim() })} />
      </div>
      <Failure failure={found.failure} again={found.reload} />
      {!records && !found.failure && <Skeleton lines={8} />}
      {records?.length === 0 && (
        <Empty title="Nothing was changed in this time">
          {length !== "30d" && (
            <p>
              <Button onClick={() => chooseLength("30d")}>Look at the last 30 days</Button>
            </p>
          )}
        </Empty>
      )}
      {records && records.length > 0 && <AuditTable records={records} onShow={setShown} />}
      <NumberedPages info={found.data?.info} />
      {shown && <ChangeDialog record={shown} onClose={() => setShown(undefined)} />}
    </Page>
  );
}
