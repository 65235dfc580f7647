import { useState } from "preact/hooks";
import { post } from "../../client/http";
import type { WebhookAttempt } from "../../client/types/webhooks";
import { Button } from "../../kit/button";
import { Dialog } from "../../kit/dialog";
import { useAction } from "../../kit/load";
import { Failure } from "../../kit/show";
import { AttemptFacts } from "./attempts";

interface Props {
  readonly path: string;
  readonly onChange: () => void;
}

/** Calls a webhook without events and shows what it answered. */
export function TestButton({ path, onChange }: Props) {
  const [attempt, setAttempt] = useState<WebhookAttempt>();
  const act = useAction(async () => {
    setAttempt((await post<WebhookAttempt>(`${path}/test`)).result);
    onChange();
  });
  return (
    <>
      <Button kind="primary" icon="play" busy={act.isRunning} onClick={() => void act.run()}>
        Send a test
      </Button>
      <Failure failure={act.failure} />
      {attempt && (
        <Dialog title="The test" wide onClose={() => setAttempt(undefined)}>
          <AttemptFacts attempt={attempt} />
        </Dialog>
      )}
    </>
  );
}
