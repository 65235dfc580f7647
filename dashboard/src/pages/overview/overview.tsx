import { useCallback, useMemo, useState } from "preact/hooks";
import { ButtonLink } from "../../kit/button";
import { useEvery, useLoad } from "../../kit/load";
import { Page, Tabs } from "../../kit/page";
import { Empty, Failure } from "../../kit/show";
import { href, setParams, useRoute } from "../../router";
import { useScope } from "../../state/scope";
import { LENGTH_NAMES, useWindow, type TimeWindow } from "../../state/window";
import { directionOf } from "../activity/filters";
import { counts, times, type Of } from "./ask";
import { OutcomeChart, RateCharts, TimesChart } from "./charts";
import { totals } from "./figures";
import { FirstMail } from "./first_mail";
import { Health } from "./health";
import { log } from "./links";
import { Causes, RecipientDomains, SendingDomains } from "./rankings";
import { spanOf } from "./span";
import { Tiles } from "./tiles";
import "./overview.css";

/** How often the figures are looked at again. */
const EVERY = 30_000;

const TABS = [
  { id: "sending", name: "Sending" },
  { id: "routing", name: "Routing" },
] as const;

export default function OverviewPage() {
  const { params } = useRoute();
  const { account, zone } = useScope();
  const direction = directionOf(params);
  if (!account) {
    return (
      <Page title="Overview">
        <Empty title="There is no account yet">
          <p>Mail belongs to accounts and their domains.</p>
          <ButtonLink to={href("/accounts")} primary>
            Make an account
          </ButtonLink>
        </Empty>
      </Page>
    );
  }
  const of: Of = zone
    ? { level: "zones", tag: zone.id, direction }
    : { level: "accounts", tag: account.id, direction };
  const choose = (id: string) => setParams({ mail: id === "routing" ? id : undefined }, { replace: false });
  return (
    <Page
      title="Overview"
      lead={`Mail of ${zone?.name ?? account.name}.`}
      actions={<ButtonLink to={log(direction)}>Activity log</ButtonLink>}
    >
      <Tabs label="Which way mail goes" tabs={TABS} chosen={direction} onChoose={choose}>
        <Figures key={`${of.tag} ${direction}`} of={of} />
      </Tabs>
    </Page>
  );
}

/** The window, which moves on while it is looked at. */
function useMovingWindow(): TimeWindow {
  const [tick, setTick] = useState(0);
  const move = useCallback(() => setTick((tick) => tick + 1), []);
  useEvery(move, EVERY);
  return useWindow(tick);
}

function Figures({ of }: { readonly of: Of }) {
  const { account, zones, zone } = useScope();
  const window = useMovingWindow();
  const span = useMemo(() => spanOf(window, new Date()), [window]);
  const counted = useLoad((signal) => counts(of, span, signal), [span]);
  const timed = useLoad((signal) => times(of, span, signal), [span]);
  const { direction } = of;
  const all = counted.data && totals(counted.data.now);
  const isSending = direction === "sending";
  return (
    <div class="stack">
      <p class="soft overview-against">{against(window, span.isBeforeKept)}</p>
      <Failure failure={counted.failure} again={counted.reload} />
      <Tiles direction={direction} counts={counted.data} times={timed.data} />
      {all?.count === 0 && account && isSending && (
        <FirstMail account={account} domain={(zone ?? zones[0])?.name ?? "example.com"} />
      )}
      {all?.count !== 0 && (
        <>
          <OutcomeChart direction={direction} span={span} counts={counted.data} />
          <div class="grid">
            {isSending && <Health all={all} />}
            <Causes direction={direction} counts={counted.data} />
          </div>
          {isSending && <RateCharts span={span} counts={counted.data} />}
          <Failure failure={timed.failure} again={timed.reload} />
          {!timed.failure && <TimesChart direction={direction} span={span} times={timed.data} />}
          <div class="grid">
            {isSending && <SendingDomains counts={counted.data} />}
            {isSending && <RecipientDomains of={of} span={span} all={all?.count} />}
          </div>
        </>
      )}
    </div>
  );
}

function against({ length }: TimeWindow, isBeforeKept: boolean): string {
  if (!isBeforeKept) return "Events are kept for a month: there is no time before to compare with.";
  return `${length ? LENGTH_NAMES[length] : "The chosen time"}, compared with as long before.`;
}
