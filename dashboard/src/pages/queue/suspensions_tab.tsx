import type { Suspension } from "../../client/types/delivery";
import { Button } from "../../kit/button";
import { Empty, Time } from "../../kit/show";
import { Table, type Column } from "../../kit/table";
import { useScope } from "../../state/scope";
import { scopeName } from "./held";
import type { Want } from "./ordering";

interface Props {
  readonly suspensions: readonly Suspension[];
  readonly want: Want;
}

/** What somebody has suspended. */
export function SuspensionsTab({ suspensions, want }: Props) {
  const { accounts } = useScope();
  if (suspensions.length === 0) {
    return (
      <Empty title="Nothing is suspended">
        <p>Suspend a domain, a site, a source or an account, and its mail is accepted and waits.</p>
        <p>
          <Button icon="pause" onClick={() => want({ kind: "suspend" })}>
            Suspend …
          </Button>
        </p>
      </Empty>
    );
  }
  const columns: Column<Suspension>[] = [
    { name: "What", cell: ({ scope }) => <span class="whole">{scopeName(scope, accounts)}</span>, by: ({ scope }) => scope },
    { name: "Why", cell: ({ reason }) => reason || "–" },
    { name: "By", cell: ({ by }) => by, by: ({ by }) => by },
    { name: "Since", cell: ({ created }) => <Time at={created} />, by: ({ created }) => created },
    { name: "Ends", cell: ({ until }) => (until ? <Time at={until} /> : "when somebody resumes it"), by: ({ until }) => until ?? "9" },
    {
      name: "Do",
      cell: ({ scope }) => (
        <Button kind="quiet" small label={`Resume ${scope}`} onClick={() => want({ kind: "resume", scope })}>
          Resume
        </Button>
      ),
    },
  ];
  return <Table caption="Suspensions" columns={columns} rows={suspensions} keyOf={({ scope }) => scope} />;
}
