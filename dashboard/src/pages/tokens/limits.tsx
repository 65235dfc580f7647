import { get, part } from "../../client/http";
import type { AccountLimits, Rates, WindowName } from "../../client/types/accounts";
import { count } from "../../kit/format";
import { useLoad } from "../../kit/load";
import { Meter } from "../../kit/meter";
import { Card, Facts, Failure, Notice, Skeleton, Time } from "../../kit/show";
import { Table, type Column } from "../../kit/table";
import { inWords, rowsOf, WINDOWS, type LimitRow } from "./limit_rows";

/** How much the account may send, and how much of it is used. */
export function LimitsCard({ account }: { readonly account: string }) {
  const found = useLoad(
    (signal) => get<AccountLimits>(`/accounts/${part(account)}/email/sending/limits`, { signal }),
    [account],
    { every: 30_000 },
  );
  return (
    <Card title="Sending limits">
      <Failure failure={found.failure} again={found.reload} />
      {!found.data && !found.failure && <Skeleton lines={4} />}
      {found.data && <Limits limits={found.data.result} />}
    </Card>
  );
}

function Limits({ limits }: { readonly limits: AccountLimits }) {
  const window = (name: WindowName): Column<LimitRow> => ({
    name: WINDOWS[name],
    cell: (row) => <Used row={row} name={name} />,
    by: (row) => row[name].used,
  });
  const columns: Column<LimitRow>[] = [
    { name: "Recipients of", cell: ({ what }) => what, by: ({ what }) => what },
    window("second"),
    window("hour"),
    window("day"),
  ];
  const { ramp } = limits;
  return (
    <>
      {limits.verified_recipients_only && (
        <Notice tone="info">The account may write only to verified destination addresses and to its own domains.</Notice>
      )}
      <Table caption="Limits and what is used of them" columns={columns} rows={rowsOf(limits)} keyOf={({ key }) => key} />
      <Facts
        rows={[
          ["One address", each(limits.recipient)],
          ["Any other domain", each(limits.domain)],
          ["Any other token", each(limits.token)],
          ["Ramp", ramp.today === null ? undefined : `${count(ramp.today)} recipients today: day ${count(ramp.days_before + 1)} of ${count(ramp.quotas.length)} on which it sends`],
        ]}
      />
      <p class="soft">A message to three recipients counts three, when it is accepted. Days are days of UTC. Who operates the server sets limits.</p>
    </>
  );
}

const each = (rates: Rates) => inWords(rates) ?? "no limit";

function Used({ row, name }: { readonly row: LimitRow; readonly name: WindowName }) {
  const { used, limit, free_at } = row[name];
  if (limit === null) return <>{count(used)}<span class="soft">, no limit</span></>;
  return (
    <>
      <Meter label={`${row.what}, ${WINDOWS[name]}`} value={used} max={limit} />
      {count(used)} of {count(limit)}
      {free_at && used >= limit && <span class="soft">, free again <Time at={free_at} /></span>}
    </>
  );
}
