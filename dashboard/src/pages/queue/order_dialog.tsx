import { useState } from "preact/hooks";
import { Confirm } from "../../kit/dialog";
import { SelectField, TextField } from "../../kit/field";
import { count } from "../../kit/format";
import { useLoad } from "../../kit/load";
import { Failure, Notice } from "../../kit/show";
import { countOf, described, type Target } from "./filter";
import { done, order, type OrderKind } from "./orders";

interface Props {
  readonly kind: OrderKind;
  readonly target: Target;
  readonly onDone: (said: string) => void;
  readonly onClose: () => void;
}

const ORDERS = {
  retry: {
    title: "Try again now",
    action: "Try again now",
    means: "The schedule is passed over once. Rates, suspensions and what rests because it cannot be reached stay as they are.",
  },
  cancel: {
    title: "Cancel mail",
    action: "Cancel mail",
    means: "Cancelled mail leaves the queue and bounces: its senders get a report. This cannot be undone.",
  },
  reroute: { title: "Send another way", action: "Reroute", means: "" },
} as const;

/** Says what an order will touch, and gives it. */
export function OrderDialog({ kind, target, onDone, onClose }: Props) {
  const [way, setWay] = useState<Way>({ by: "pool", name: "" });
  const { title, action, means } = ORDERS[kind];
  const confirm = async () => {
    const result = await order(kind, target, kind === "reroute" ? bodyOf(way) : {});
    onDone(kind === "reroute" && way.by === "via" ? toldOf(target, way) : done(kind, result));
  };
  const typed = kind === "cancel" ? "cancel" : undefined;
  return (
    <Confirm
      title={title}
      action={action}
      dismiss={kind === "cancel" ? "Keep it" : undefined}
      dangerous={kind === "cancel"}
      typed={typed}
      onConfirm={confirm}
      onClose={onClose}
    >
      <Touched target={target} />
      {means && <p>{means}</p>}
      {kind === "reroute" && <WayFields target={target} way={way} onChange={setWay} />}
    </Confirm>
  );
}

/** How many entries it will be. */
function Touched({ target }: { readonly target: Target }) {
  const counted = useLoad((signal) => countOf(target, signal), []);
  if (counted.failure) return <Failure failure={counted.failure} />;
  const { entries, isMore } = counted.data ?? {};
  const many = entries === undefined ? "…" : `${isMore ? "more than " : ""}${count(entries)}`;
  return (
    <Notice tone="info">
      <p role="status">
        This touches <strong data-touched={entries}>{many}</strong> {entries === 1 ? "entry" : "entries"}: {described(target)}.
      </p>
    </Notice>
  );
}

interface Way {
  readonly by: "pool" | "via";
  /** Empty: as it is configured. */
  readonly name: string;
}

function bodyOf({ by, name }: Way): Readonly<Record<string, unknown>> {
  return { [by === "via" ? "via" : "to_pool"]: name.trim() || null };
}

function toldOf(target: Target, { name }: Way): string {
  return `Mail ${described(target).replace(/^mail /, "")} goes ${name.trim() ? `to ${name.trim()}` : "as it is configured"} from now on.`;
}

interface WayProps {
  readonly target: Target;
  readonly way: Way;
  readonly onChange: (way: Way) => void;
}

/** To which pool, or, for a whole domain, by which next hop. */
function WayFields({ target, way, onChange }: WayProps) {
  const isDomain = target.kind === "filter" && Boolean(target.filter.domain) && Object.keys(target.filter).length === 1;
  const ways = [
    { value: "pool", name: "from another pool of sources" },
    ...(isDomain ? [{ value: "via", name: "to another next hop, all mail to the domain" }] : []),
  ];
  return (
    <>
      <SelectField
        label="How it is to go"
        value={way.by}
        choices={ways}
        onChoose={(by) => onChange({ by: by === "via" ? "via" : "pool", name: "" })}
      />
      <TextField
        label={way.by === "via" ? "Next hop" : "Pool"}
        value={way.name}
        onInput={(name) => onChange({ ...way, name })}
        placeholder={way.by === "via" ? "relay.example.com:25" : "warm"}
        hint={
          way.by === "via"
            ? "Host, or host:port. It holds for mail that comes later too, and over restarts. Empty: as it is configured."
            : "For what waits now. Empty: the pool that the configuration chooses."
        }
      />
    </>
  );
}
