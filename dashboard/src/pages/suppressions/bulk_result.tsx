import { Button } from "../../kit/button";
import { csv, download } from "../../kit/csv";
import { count } from "../../kit/format";
import { Badge, type Tone } from "../../kit/show";
import { Table } from "../../kit/table";

export interface LineResult {
  readonly line: number;
  readonly email: string;
  readonly status: "processed" | "skipped" | "invalid" | "repeated";
  readonly error: string | undefined;
}

const STATUSES: Readonly<Record<LineResult["status"], readonly [Tone, string]>> = {
  processed: ["good", "Suppressed"],
  skipped: ["info", "Already, by the service"],
  invalid: ["bad", "Not valid"],
  repeated: ["muted", "Repeated"],
};

/** Most lines that are shown; the file has all. */
const SHOWN = 500;

/** What became of each line: first those that somebody has to look at. */
export function BulkResult({ results, onClose }: { readonly results: readonly LineResult[]; readonly onClose: () => void }) {
  const many = (status: LineResult["status"]) => results.filter((one) => one.status === status).length;
  const sorted = [...results].sort((a, b) => Number(b.status === "invalid") - Number(a.status === "invalid"));
  const save = () => {
    const columns = [
      { name: "line", value: ({ line }: LineResult) => line },
      { name: "email", value: ({ email }: LineResult) => email },
      { name: "status", value: ({ status }: LineResult) => status },
      { name: "error", value: ({ error }: LineResult) => error },
    ];
    download("suppressions-result.csv", "text/csv", csv(columns, results));
  };
  return (
    <div class="stack">
      <p role="status">
        {(Object.keys(STATUSES) as LineResult["status"][]).map((status) => (
          <span key={status} class="bulk-count">
            <strong>{count(many(status))}</strong> {STATUSES[status][1].toLowerCase()}
          </span>
        ))}
      </p>
      <div class="bulk-lines">
        <Table
          caption="What became of each line"
          rows={sorted.slice(0, SHOWN)}
          keyOf={({ line }) => String(line)}
          columns={[
            { name: "Line", numeric: true, cell: ({ line }) => line, by: ({ line }) => line },
            { name: "Address", cell: ({ email }) => email, by: ({ email }) => email },
            {
              name: "Result",
              cell: ({ status }) => <Badge tone={STATUSES[status][0]}>{STATUSES[status][1]}</Badge>,
              by: ({ status }) => status,
            },
            { name: "Why", cell: ({ error }) => error ?? "" },
          ]}
        />
      </div>
      {results.length > SHOWN && <p class="soft">The first {count(SHOWN)} are shown; the file has all.</p>}
      <footer>
        <Button onClick={save}>Save as CSV</Button>
        <Button kind="primary" onClick={onClose}>
          Done
        </Button>
      </footer>
    </div>
  );
}
