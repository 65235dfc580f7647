import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Notice } from "../../kit/show";
import { OrderDialog } from "./order_dialog";
import type { Wanted } from "./orders";
import { ResumeDialog, SuspendDialog } from "./suspend_dialog";

export type Want = (wanted: Wanted) => void;

interface Props {
  /** Something was done: what is shown is old. */
  readonly onChange: () => void;
  readonly children: (want: Want) => ComponentChildren;
}

/** Lets what it contains give orders: asks before each, and says what came of it. */
export function Ordering({ onChange, children }: Props) {
  const [wanted, setWanted] = useState<Wanted>();
  const [said, setSaid] = useState<string>();
  const common = {
    onClose: () => setWanted(undefined),
    onDone: (text: string) => {
      setSaid(text);
      onChange();
    },
  };
  return (
    <>
      <div role="status" class="said">{said && <Notice tone="good">{said}</Notice>}</div>
      {children(setWanted)}
      {wanted?.kind === "suspend" && <SuspendDialog scope={wanted.scope} {...common} />}
      {wanted?.kind === "resume" && <ResumeDialog scope={wanted.scope} {...common} />}
      {(wanted?.kind === "retry" || wanted?.kind === "cancel" || wanted?.kind === "reroute") && (
        <OrderDialog kind={wanted.kind} target={wanted.target} {...common} />
      )}
    </>
  );
}
