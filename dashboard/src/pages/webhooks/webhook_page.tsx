import { useState } from "preact/hooks";
import { get, patch } from "../../client/http";
import type { Webhook, WebhookAttempt } from "../../client/types/webhooks";
import { Button } from "../../kit/button";
import { count, counted, percent } from "../../kit/format";
import { useAction, useLoad } from "../../kit/load";
import { Page } from "../../kit/page";
import { Badge, Card, Facts, Failure, Notice, Skeleton, Time } from "../../kit/show";
import { href } from "../../router";
import { Attempts } from "./attempts";
import { healthOf, takenShare } from "./health";
import { webhooksPath } from "./path";
import { TestButton } from "./test_button";
import { VerifyCard } from "./verify";
import { WebhookDialog, type Asked } from "./webhook_dialog";

interface Props {
  readonly account: string;
  readonly id: string;
}

/** One webhook: its health, its calls, and what can be done about it. */
export function WebhookPage({ account, id }: Props) {
  const path = webhooksPath(account, id);
  const found = useLoad(
    async (signal) => {
      const [webhook, attempts] = await Promise.all([
        get<Webhook>(path, { signal }),
        get<WebhookAttempt[]>(`${path}/attempts`, { query: { per_page: 100 }, signal }),
      ]);
      return { webhook: webhook.result, attempts: attempts.result };
    },
    [path],
    { every: 5_000 },
  );
  const [asked, setAsked] = useState<Asked>();
  const { webhook, attempts } = found.data ?? {};
  return (
    <Page
      title={webhook ? webhook.name || webhook.url : "Webhook"}
      lead={<a href={href("/webhooks")}>Webhooks</a>}
      actions={webhook && <Actions path={path} webhook={webhook} onChange={found.reload} onAsk={setAsked} />}
    >
      <Failure failure={found.failure} again={found.reload} />
      {!found.data && !found.failure && <Skeleton lines={8} />}
      {webhook && attempts && (
        <>
          <HealthCard webhook={webhook} attempts={attempts} />
          <Attempts attempts={attempts} onReplay={(from) => setAsked({ kind: "replay", from })} />
          <VerifyCard />
        </>
      )}
      {webhook && asked && (
        <WebhookDialog account={account} webhook={webhook} asked={asked} onChange={found.reload} onClose={() => setAsked(undefined)} />
      )}
    </Page>
  );
}

interface ActionProps {
  readonly path: string;
  readonly webhook: Webhook;
  readonly onChange: () => void;
  readonly onAsk: (asked: Asked) => void;
}

function Actions({ path, webhook, onChange, onAsk }: ActionProps) {
  const act = useAction(async () => {
    await patch(path, { enabled: !webhook.enabled });
    onChange();
  });
  return (
    <>
      <TestButton path={path} onChange={onChange} />
      <Button icon={webhook.enabled ? "pause" : "play"} busy={act.isRunning} onClick={() => void act.run()}>
        {webhook.enabled ? "Pause" : "Resume"}
      </Button>
      <Button icon="edit" onClick={() => onAsk({ kind: "edit" })}>
        Edit …
      </Button>
      <Button onClick={() => onAsk({ kind: "replay" })}>Replay …</Button>
      <Button onClick={() => onAsk({ kind: "rotate" })}>Rotate secret …</Button>
      <Button kind="danger" icon="trash" onClick={() => onAsk({ kind: "delete" })}>
        Delete …
      </Button>
      <Failure failure={act.failure} />
    </>
  );
}

interface HealthProps {
  readonly webhook: Webhook;
  readonly attempts: readonly WebhookAttempt[];
}

function HealthCard({ webhook, attempts }: HealthProps) {
  const [tone, text] = healthOf(webhook);
  const share = takenShare(attempts);
  return (
    <Card title="Health">
      {!webhook.enabled && (
        <Notice tone="warn">
          {webhook.disabled_reason ?? "It was switched off."} No events are put by for it meanwhile; what waits is told when it is resumed.
        </Notice>
      )}
      <Facts
        rows={[
          ["State", <Badge tone={tone}>{text}</Badge>],
          ["Address", <span class="address">{webhook.url}</span>],
          ["Told of", webhook.events.join(", ") || "everything"],
          ["Failing since", webhook.failing_since && <Time at={webhook.failing_since} />],
          ["Next call", webhook.next_attempt_at && <Time at={webhook.next_attempt_at} />],
          ["Not told yet", counted(webhook.waiting_events, "event")],
          ["Calls taken", share === undefined ? undefined : `${percent(share)} of the last ${count(attempts.length)}`],
          ["Paused", webhook.disabled_at && <Time at={webhook.disabled_at} />],
          ["Secret before", webhook.previous_secret_expires_at && <>signs on until <Time at={webhook.previous_secret_expires_at} /></>],
          ["Made", <Time at={webhook.created} />],
          ["Changed", <Time at={webhook.modified} />],
        ]}
      />
    </Card>
  );
}
