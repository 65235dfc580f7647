import type { Held } from "../../client/types/delivery";
import { Badge, Time } from "../../kit/show";
import { reasonOf } from "./held";

interface Props {
  readonly held: Held;
  /** All of its words, rather than two lines of them. */
  readonly whole?: boolean;
}

/** What holds mail: in a word, when it ends, and in full. */
export function Hold({ held: { reason, detail, until }, whole }: Props) {
  const [tone, name] = reasonOf(reason);
  return (
    <div class="hold">
      <span class="row">
        <Badge tone={tone}>{name}</Badge>
        {until && (
          <span class="soft">
            {reason === "retry" || reason === "schedule" ? "goes on" : "ends"} <Time at={until} />
          </span>
        )}
      </span>
      <span class={whole ? undefined : "hold-detail"} title={whole ? undefined : detail}>
        {detail}
      </span>
    </div>
  );
}
