import type { Whose } from "../../client/activity";
import type { Direction } from "../../client/types/activity";
import { Button } from "../../kit/button";
import { Page, Tabs } from "../../kit/page";
import { Empty } from "../../kit/show";
import { setParams, useRoute } from "../../router";
import { useScope } from "../../state/scope";
import { useSession } from "../../state/session";
import { FilterBar } from "./filter_bar";
import { directionOf, filterOf, FILTERS } from "./filters";
import { LogList } from "./list";
import { LiveTail } from "./live";
import "./activity.css";

const TABS = [
  { id: "sending", name: "Sending" },
  { id: "routing", name: "Routing" },
] as const;

/** Filters of one direction make no sense for the other. */
function turnTo(direction: Direction) {
  const none = Object.fromEntries(FILTERS.map((name) => [name, undefined]));
  setParams({ ...none, cursor: undefined, mail: direction === "routing" ? direction : undefined }, { replace: false });
}

export default function ActivityPage() {
  const { params } = useRoute();
  const { account, zone } = useScope();
  const { session } = useSession();
  const direction = directionOf(params);
  const isAll = session.operator && params.get("all") === "1";
  const isLive = params.get("live") === "1";
  const filter = filterOf(params, direction);
  const whose: Whose = isAll ? { direction, account: undefined } : { direction, account: account?.id, zone: zone?.id };
  const flip = (name: string, isOn: boolean) =>
    setParams({ [name]: isOn ? undefined : "1", cursor: undefined }, { replace: false });
  const actions = (
    <>
      {session.operator && (
        <Button icon="accounts" pressed={isAll} onClick={() => flip("all", isAll)}>
          All accounts
        </Button>
      )}
      <Button icon="activity" pressed={isLive} onClick={() => flip("live", isLive)}>
        Live
      </Button>
    </>
  );
  if (!account && !isAll) {
    return (
      <Page title="Activity log" actions={actions}>
        <Empty title="There is no account yet">
          <p>Mail belongs to accounts. Make one, and a domain that sends, and what becomes of its mail is shown here.</p>
        </Empty>
      </Page>
    );
  }
  return (
    <Page title="Activity log" lead="Every message and recipient, and what became of them." actions={actions}>
      <Tabs label="Which way mail goes" tabs={TABS} chosen={direction} onChoose={(id) => turnTo(id as Direction)}>
        <div class="stack">
          <FilterBar direction={direction} filter={filter} />
          {isLive ? <LiveTail whose={whose} filter={filter} /> : <LogList whose={whose} filter={filter} />}
        </div>
      </Tabs>
    </Page>
  );
}
