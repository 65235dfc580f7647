import { remove } from "../../client/http";
import type { Suppression } from "../../client/types/sending";
import { Confirm } from "../../kit/dialog";
import { Notice } from "../../kit/show";
import { scopeName } from "./reasons";

interface Props {
  readonly path: string;
  readonly row: Suppression;
  readonly changed: () => void;
  readonly onClose: () => void;
}

/** Why one should think twice. */
const THINK: Readonly<Record<string, string>> = {
  hard_bounce: "Its server said that the address does not exist. Mail that bounces again counts against the reputation of your domain.",
  soft_bounce: "Its server kept putting mail off. Unless something has changed there, the next message will fail as well.",
  complaint: "Whoever reads it called your mail spam. Another complaint hurts all of your mail; write only if that person asked you to. Few complaints may be removed in a day.",
  policy: "Its reader has unsubscribed. Writing again without being asked to is against the law in many countries.",
};

export function Removal({ path, row, changed, onClose }: Props) {
  const removal = async () => {
    await remove(`${path}/${row.id}`);
    changed();
  };
  const think = THINK[row.reason];
  return (
    <Confirm
      title="Send to this address again?"
      action="Remove the suppression"
      dangerous
      typed={row.reason === "complaint" ? row.email : undefined}
      onConfirm={removal}
      onClose={onClose}
    >
      <p>
        <strong>{row.email}</strong> ({scopeName(row.scope).toLowerCase()}) will get mail again at once. What was refused before is not
        sent again.
      </p>
      {think && <Notice tone="warn">{think}</Notice>}
    </Confirm>
  );
}
