import { useRef, useState } from "preact/hooks";
import { useTail, type TailState } from "../../client/tail";
import type { RoutingRule } from "../../client/types/routing";
import type { Run } from "../../client/types/workers";
import { Button } from "../../kit/button";
import { SelectField, TextField } from "../../kit/field";
import { Badge, Card, Empty, Failure, type Tone } from "../../kit/show";
import { RunEntry, saysText } from "./run";
import { TestMail } from "./test_mail";

/** Most events that are kept; the oldest go first. */
const KEPT = 300;

const STATES: Readonly<Record<TailState, readonly [Tone, string]>> = {
  connecting: ["info", "Connecting …"],
  open: ["good", "Live"],
  ended: ["warn", "Ended"],
};

interface Entry {
  readonly number: number;
  readonly run: Run;
}

interface Props {
  readonly path: string;
  readonly name: string;
  readonly rules: readonly RoutingRule[];
}

/** What a Worker does and says, from now on. */
export function Logs({ path, name, rules }: Props) {
  const [entries, setEntries] = useState<readonly Entry[]>([]);
  const [isPaused, setPaused] = useState(false);
  const [turn, setTurn] = useState(0);
  const [outcome, setOutcome] = useState("");
  const [words, setWords] = useState("");
  const heard = useRef(0);
  const waiting = useRef<Entry[]>([]);
  const { state, failure } = useTail(`${path}/tails`, turn, (run) => {
    heard.current += 1;
    const entry = { number: heard.current, run };
    if (isPaused) waiting.current = [entry, ...waiting.current].slice(0, KEPT);
    else setEntries((before) => [entry, ...before].slice(0, KEPT));
  });
  const goOn = () => {
    setEntries((before) => [...waiting.current, ...before].slice(0, KEPT));
    waiting.current = [];
    setPaused(false);
  };
  const shown = entries.filter(({ run }) => (outcome === "" || (run.outcome === "ok") === (outcome === "ok")) && saysText(run, words));
  return (
    <div class="stack">
      <Card
        title="Live logs"
        actions={
          <>
            <span role="status">
              <Badge tone={isPaused ? "warn" : STATES[state][0]}>{isPaused ? "Paused" : STATES[state][1]}</Badge>
            </span>
            {state === "ended" ? (
              <Button small onClick={() => setTurn(turn + 1)}>
                Connect again
              </Button>
            ) : (
              <Button small icon={isPaused ? "play" : "pause"} onClick={isPaused ? goOn : () => setPaused(true)}>
                {isPaused ? "Go on" : "Pause"}
              </Button>
            )}
            <Button small disabled={entries.length === 0} onClick={() => setEntries([])}>
              Clear
            </Button>
          </>
        }
      >
        <div class="filters">
          <SelectField
            label="Outcome"
            value={outcome}
            choices={[
              { value: "", name: "All" },
              { value: "ok", name: "Went well" },
              { value: "failed", name: "Failed" },
            ]}
            onChoose={setOutcome}
          />
          <TextField label="Says" type="search" value={words} onInput={setWords} placeholder="words of a line" />
        </div>
        <Failure failure={failure} />
        {shown.length === 0 && (
          <Empty title={entries.length === 0 ? "Nothing yet" : "Nothing of it matches"}>
            <p>
              {entries.length === 0
                ? "Events are shown as they happen, with what the Worker says. Nothing from before is: that is in the timeline of each message."
                : "Change the filters."}
            </p>
          </Empty>
        )}
        <ol class="runs" aria-label={`Events of ${name}, the newest first`}>
          {shown.map(({ number, run }) => (
            <RunEntry key={number} run={run} />
          ))}
        </ol>
      </Card>
      <TestMail name={name} rules={rules} />
    </div>
  );
}
