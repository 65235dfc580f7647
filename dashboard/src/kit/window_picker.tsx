import { useState } from "preact/hooks";
import { chooseLength, chooseSpan, isLength, LENGTH_NAMES, LENGTHS, useWindow, type Length } from "../state/window";
import { Button } from "./button";
import { Dialog } from "./dialog";
import { SelectField, TextField } from "./field";
import { between } from "./format";
import { localMoment } from "./moment";

const CUSTOM = "custom";

/** Chooses the time that all pages look at. */
export function WindowPicker() {
  const span = useWindow();
  const [isOpen, setOpen] = useState(false);
  const lengths = (Object.keys(LENGTHS) as Length[]).map((value) => ({ value, name: LENGTH_NAMES[value] }));
  const custom = span.length ? "From … to …" : between(span.since, span.until);
  return (
    <>
      <SelectField
        label="Time"
        hideLabel
        value={span.length ?? CUSTOM}
        choices={[...lengths, { value: CUSTOM, name: custom }]}
        onChoose={(value) => (isLength(value) ? chooseLength(value) : setOpen(true))}
      />
      {isOpen && <SpanDialog since={span.since} until={span.until} onClose={() => setOpen(false)} />}
    </>
  );
}

interface SpanProps {
  readonly since: Date;
  readonly until: Date;
  readonly onClose: () => void;
}

function SpanDialog({ since, until, onClose }: SpanProps) {
  const [from, setFrom] = useState(localMoment(since));
  const [to, setTo] = useState(localMoment(until));
  const [begin, end] = [new Date(from), new Date(to)];
  const problem = begin < end ? undefined : "The end has to come after the beginning.";
  const submit = (event: Event) => {
    event.preventDefault();
    if (problem) return;
    chooseSpan(begin, end);
    onClose();
  };
  return (
    <Dialog title="From when to when" onClose={onClose}>
      <form onSubmit={submit}>
        <TextField label="From" type="datetime-local" value={from} onInput={setFrom} required />
        <TextField label="To" type="datetime-local" value={to} onInput={setTo} required problem={problem} />
        <footer>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" kind="primary" disabled={Boolean(problem)}>
            Show
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}
