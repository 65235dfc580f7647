import type { HeldBy } from "../../client/types/delivery";
import { Badge, Time } from "../../kit/show";
import { reasonOf } from "./held";

interface Props {
  readonly holds: readonly HeldBy[];
  /** What is said where nothing holds. */
  readonly otherwise: string;
}

/** The first thing that holds, its words and its end; how many more there are. */
export function Holds({ holds: [first, ...more], otherwise }: Props) {
  if (!first) return <Badge tone="muted">{otherwise}</Badge>;
  return (
    <div class="hold">
      <Reason held={first} />
      <span class="hold-detail" title={first.detail}>
        {first.detail}
      </span>
      {more.length > 0 && <span class="soft">and {more.length} more</span>}
    </div>
  );
}

/** Everything that holds, in full. */
export function HoldList({ holds }: { readonly holds: readonly HeldBy[] }) {
  return (
    <ul class="plain-list">
      {holds.map((held) => (
        <li key={`${held.reason} ${held.source} ${held.detail}`}>
          <Reason held={held} />
          <p>
            {held.detail}
            {held.source && <span class="soft"> (source {held.source})</span>}
          </p>
        </li>
      ))}
    </ul>
  );
}

function Reason({ held: { reason, until } }: { readonly held: HeldBy }) {
  const [tone, name] = reasonOf(reason);
  return (
    <span class="row">
      <Badge tone={tone}>{name}</Badge>
      {until && (
        <span class="soft">
          ends <Time at={until} />
        </span>
      )}
    </span>
  );
}
