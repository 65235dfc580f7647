import { percent } from "../../kit/format";
import { Badge, Card, Skeleton, type Tone } from "../../kit/show";
import { rates, verdict, type Rates, type Totals, type Verdict } from "./figures";
import { log } from "./links";

const VERDICTS: Readonly<Record<Verdict, readonly [Tone, string]>> = {
  within: ["good", "Good"],
  beyond: ["bad", "Beyond the limit"],
  few: ["muted", "Too few to judge"],
  none: ["muted", "Nothing to judge"],
};

interface Row {
  readonly rate: keyof Rates;
  readonly name: string;
  readonly limit: string;
  /** What to do when it is beyond the limit. */
  readonly help: string;
  readonly to: string;
}

const rows = (): readonly Row[] => [
  {
    rate: "delivery",
    name: "Delivered",
    limit: "more than 95%",
    help: "See below what mail fails of most.",
    to: log("sending", { status: "deliveryFailed" }),
  },
  {
    rate: "hardBounces",
    name: "Hard bounces",
    limit: "less than 2%",
    help: "Addresses are old or mistyped: write only to those who confirmed theirs.",
    to: log("sending", { status: "deliveryFailed" }),
  },
  {
    rate: "complaints",
    name: "Complaints",
    limit: "less than 0.1%",
    help: "People did not expect this mail, or found no way to unsubscribe.",
    to: log("sending", { complained: "true" }),
  },
];

/** How the domain stands with those who decide about inboxes. */
export function Health({ all }: { readonly all: Totals | undefined }) {
  return (
    <Card title="Health">
      {!all && <Skeleton lines={6} />}
      {all && (
        <ul class="health">
          {rows().map((row) => (
            <HealthRow key={row.rate} row={row} all={all} />
          ))}
        </ul>
      )}
      <p class="chart-note">Shares of mail whose fate is known. Receivers trust senders that keep to these limits.</p>
    </Card>
  );
}

function HealthRow({ row, all }: { readonly row: Row; readonly all: Totals }) {
  const value = rates(all)[row.rate];
  const said = verdict(row.rate, all);
  const [tone, text] = VERDICTS[said];
  return (
    <li>
      <span>
        <b>{row.name}</b> <span class="soft health-limit">should be {row.limit}</span>
      </span>
      <a class="health-value" href={row.to}>
        {value === null ? "none" : percent(value)}
        <span class="visually-hidden"> {row.name.toLowerCase()}: show the mail behind it</span>
      </a>
      <Badge tone={tone}>{text}</Badge>
      {said === "beyond" && <p>{row.help}</p>}
    </li>
  );
}
