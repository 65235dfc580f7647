import { useMemo, useRef, useState } from "preact/hooks";
import { post } from "../../client/http";
import type { BulkReport } from "../../client/types/sending";
import { Button } from "../../kit/button";
import { Dialog } from "../../kit/dialog";
import { TextField } from "../../kit/field";
import { count } from "../../kit/format";
import { useAction } from "../../kit/load";
import { Failure } from "../../kit/show";
import { inParts, readList } from "./read_list";
import { BulkResult, type LineResult } from "./bulk_result";
import { CommonFields, NOTHING_SAID, isComplete, shared } from "./scope_fields";

interface Props {
  readonly path: string;
  readonly changed: () => void;
  readonly onClose: () => void;
}

/** Many addresses at once, pasted or from a file; what became of each is told by its line. */
export function BulkAdd({ path, changed, onClose }: Props) {
  const [text, setText] = useState("");
  const [common, setCommon] = useState(NOTHING_SAID);
  const [results, setResults] = useState<readonly LineResult[]>();
  const file = useRef<HTMLInputElement>(null);
  const lines = useMemo(() => readList(text), [text]);
  const add = useAction(async () => {
    const told: LineResult[] = [];
    // One after another: what a part did is known before the next is asked for.
    for (const part of inParts(lines)) {
      const items = part.map(({ email, note }) => ({ ...shared(common), email, ...(note && { note }) }));
      const { result } = await post<BulkReport>(`${path}/bulk`, { items });
      told.push(...byLine(part, result));
      setResults([...told]);
      changed();
    }
  });
  const submit = (event: Event) => {
    event.preventDefault();
    void add.run();
  };
  return (
    <Dialog title="Suppress many addresses" onClose={onClose} wide>
      {results && !add.isRunning && !add.failure ? (
        <BulkResult results={results} onClose={onClose} />
      ) : (
        <form onSubmit={submit}>
          <TextField
            label="Addresses"
            value={text}
            onInput={setText}
            lines={9}
            autoFocus
            hint={
              <>
                One a line, or CSV with a heading that has <code>email</code> and perhaps <code>note</code>.
              </>
            }
          />
          <input
            ref={file}
            type="file"
            accept=".csv,.txt,text/csv,text/plain"
            class="visually-hidden"
            aria-label="File with addresses"
            tabIndex={-1}
            onChange={(event) => void event.currentTarget.files?.[0]?.text().then(setText)}
          />
          <p class="row">
            <Button small onClick={() => file.current?.click()}>
              Read a file
            </Button>
            <span role="status" class="soft">
              {lines.length > 0 && `${count(lines.length)} ${lines.length === 1 ? "address" : "addresses"} read`}
            </span>
          </p>
          <CommonFields value={common} onChange={setCommon} />
          <Failure failure={add.failure} />
          {add.failure && results && results.length > 0 && <p>{count(results.length)} lines before that were dealt with.</p>}
          <footer>
            <Button onClick={onClose}>Cancel</Button>
            <Button type="submit" kind="primary" busy={add.isRunning} disabled={lines.length === 0 || !isComplete(common)}>
              {`Suppress ${count(lines.length)}`}
            </Button>
          </footer>
        </form>
      )}
    </Dialog>
  );
}

/** What became of each line; what the server does not name repeats another. */
function byLine(part: ReturnType<typeof readList>, { items }: BulkReport): LineResult[] {
  const told = new Map(items.map((item) => [item.index, item]));
  return part.map(({ line, email }, at) => {
    const item = told.get(at);
    return { line, email, status: item?.status ?? "repeated", error: item?.error };
  });
}
