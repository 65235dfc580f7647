import { get, part } from "../../client/http";
import type { EntryRow } from "../../client/types/delivery";
import { ButtonLink } from "../../kit/button";
import { Dialog } from "../../kit/dialog";
import { useLoad } from "../../kit/load";
import { Badge, Facts, Failure, Skeleton, Time } from "../../kit/show";
import { href } from "../../router";
import { reasonOf } from "./held";

interface Holding {
  readonly domain: string;
  readonly recipients: number;
  readonly reason: string;
  readonly detail: string;
  readonly until: string | null;
}

interface Props {
  readonly entry: EntryRow;
  readonly onClose: () => void;
}

/** The one thing that holds an entry now. */
export function WhyDialog({ entry, onClose }: Props) {
  const why = useLoad((signal) => get<Holding[]>(`/delivery/queue/messages/${part(entry.id)}/why`, { signal }), [entry.id]);
  const holding = why.data?.result.find(({ domain }) => domain === entry.domain);
  return (
    <Dialog title={`Why ${entry.id} waits`} onClose={onClose}>
      <Failure failure={why.failure} />
      {!why.data && !why.failure && <Skeleton />}
      {why.data && !holding && <p>It is not in the queue any more.</p>}
      {holding && <Told holding={holding} entry={entry} />}
      <footer>
        <ButtonLink to={href(`/messages/${entry.id}`)}>Everything about the message</ButtonLink>
      </footer>
    </Dialog>
  );
}

function Told({ holding, entry }: { readonly holding: Holding; readonly entry: EntryRow }) {
  const [tone, name] = reasonOf(holding.reason);
  return (
    <Facts
      rows={[
        ["Held by", <Badge tone={tone}>{name}</Badge>],
        ["In words", holding.detail],
        ["Goes on", holding.until ? <Time at={holding.until} /> : "as soon as it can"],
        ["Destination", holding.domain],
        ["Recipients", holding.recipients],
        ["Attempts", entry.attempts],
        ["Last reply", entry.last],
      ]}
    />
  );
}
