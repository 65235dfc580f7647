import { useState } from "preact/hooks";
import { post } from "../../client/http";
import { Button } from "../../kit/button";
import { Dialog } from "../../kit/dialog";
import { TextField } from "../../kit/field";
import { counted } from "../../kit/format";
import { useAction } from "../../kit/load";
import { localMoment } from "../../kit/moment";
import { Failure, Notice } from "../../kit/show";

interface Props {
  readonly path: string;
  readonly from?: Date | undefined;
  readonly onChange: () => void;
  readonly onClose: () => void;
}

const HOUR = 3_600_000;
const MINUTE = 60_000;

/** Has a webhook told again what happened in some time. */
export function ReplayDialog({ path, from, onChange, onClose }: Props) {
  const [begin, setBegin] = useState(() => localMoment(from ?? new Date(Date.now() - HOUR)));
  // To the minute after this one: what has just happened belongs to it.
  const [end, setEnd] = useState(() => localMoment(new Date(Date.now() + MINUTE)));
  const [replayed, setReplayed] = useState<number>();
  const [since, until] = [new Date(begin), new Date(end)];
  const problem = since < until ? undefined : "The end has to come after the beginning.";
  const act = useAction(async () => {
    const range = { from: since.toISOString(), to: until.toISOString() };
    setReplayed((await post<{ replayed: number }>(`${path}/replay`, range)).result.replayed);
    onChange();
  });
  const submit = (event: Event) => {
    event.preventDefault();
    if (!problem) void act.run();
  };
  return (
    <Dialog title="Replay events" onClose={onClose}>
      <form onSubmit={submit}>
        <p class="soft">
          Events are kept for three days unless the server is configured otherwise. They come again under the same ids, after what waits.
        </p>
        <TextField label="From" type="datetime-local" value={begin} onInput={setBegin} required />
        <TextField label="To" type="datetime-local" value={end} onInput={setEnd} required problem={problem} />
        <div role="status">
          {replayed !== undefined && (
            <Notice tone="good">{replayed === 0 ? "Nothing happened in that time." : `${counted(replayed, "event")} told again.`}</Notice>
          )}
        </div>
        <Failure failure={act.failure} />
        <footer>
          <Button onClick={onClose}>Close</Button>
          <Button type="submit" kind="primary" busy={act.isRunning} disabled={Boolean(problem)}>
            Replay
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}
