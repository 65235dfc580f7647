import { useState } from "preact/hooks";
import type { WebhookAttempt } from "../../client/types/webhooks";
import { Button } from "../../kit/button";
import { Dialog } from "../../kit/dialog";
import { count, duration } from "../../kit/format";
import { Badge, Card, Empty, Facts, Time } from "../../kit/show";
import { Table, type Column } from "../../kit/table";
import { outcomeOf } from "./health";

interface Props {
  readonly attempts: readonly WebhookAttempt[];
  /** Events from then on are wanted again. */
  readonly onReplay: (from: Date) => void;
}

/** How much before a call its events may have happened. */
const BEFORE = 60_000;

/** The newest calls. */
export function Attempts({ attempts, onReplay }: Props) {
  const [shown, setShown] = useState<WebhookAttempt>();
  const columns: Column<WebhookAttempt>[] = [
    { name: "When", cell: ({ at }) => <Time at={at} />, by: ({ at }) => at },
    { name: "Answer", cell: (attempt) => <Outcome attempt={attempt} />, by: ({ status }) => status ?? 0 },
    { name: "Events", cell: ({ events }) => (events ? count(events) : "a test"), by: ({ events }) => events, numeric: true },
    { name: "Took", cell: ({ duration_ms }) => duration(duration_ms), by: ({ duration_ms }) => duration_ms, numeric: true },
    { name: "What went wrong", cell: ({ error }) => error ?? "–" },
    { name: "Call", cell: ({ webhook_id }) => <code>{webhook_id}</code>, minor: true },
    {
      name: "Do",
      cell: (attempt) => (
        <Button kind="quiet" small label={`Details of the call ${attempt.webhook_id}`} onClick={() => setShown(attempt)}>
          Details
        </Button>
      ),
    },
  ];
  return (
    <Card title="Calls">
      {attempts.length === 0 ? (
        <Empty title="It has not been called yet">
          <p>Send a test to see what it answers. Events follow as mail is sent.</p>
        </Empty>
      ) : (
        <Table caption="The last hundred calls, the newest first" columns={columns} rows={attempts} keyOf={({ at, webhook_id }) => `${at} ${webhook_id}`} />
      )}
      {shown && (
        <Dialog title="A call" wide onClose={() => setShown(undefined)}>
          <AttemptFacts attempt={shown} />
          <footer>
            <Button
              onClick={() => {
                setShown(undefined);
                onReplay(new Date(new Date(shown.at).getTime() - BEFORE));
              }}
            >
              Replay events since then …
            </Button>
          </footer>
        </Dialog>
      )}
    </Card>
  );
}

function Outcome({ attempt }: { readonly attempt: WebhookAttempt }) {
  const [tone, text] = outcomeOf(attempt);
  return <Badge tone={tone}>{text}</Badge>;
}

/** A call in full: what was sent, and what came back. */
export function AttemptFacts({ attempt }: { readonly attempt: WebhookAttempt }) {
  const { at, webhook_id, events, error, response, duration_ms } = attempt;
  return (
    <>
      <Facts
        rows={[
          ["When", <Time at={at} full />],
          ["Answer", <Outcome attempt={attempt} />],
          ["What went wrong", error],
          ["Took", duration(duration_ms)],
        ]}
      />
      <h3>Request</h3>
      <pre>
        {`POST\ncontent-type: application/json\nwebhook-id: ${webhook_id}\nwebhook-timestamp: ${Math.floor(new Date(at).getTime() / 1000)}\nwebhook-signature: v1,…\n\n${
          events ? `{"type": "email.events", "data": [ ${count(events)} events ]}` : '{"type": "webhook.test", "data": []}'
        }`}
      </pre>
      <h3>Response</h3>
      {response ? <pre>{response}</pre> : <p class="soft">{attempt.status === null ? "There was none." : "Its body is empty."}</p>}
    </>
  );
}
