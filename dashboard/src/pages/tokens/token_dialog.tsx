import { useState } from "preact/hooks";
import { part, put, remove } from "../../client/http";
import type { Token } from "../../client/types/accounts";
import { Confirm } from "../../kit/dialog";
import { SelectField } from "../../kit/field";
import { Notice } from "../../kit/show";
import { useSession } from "../../state/session";

/** What somebody wants to do with a token. */
export interface Asked {
  readonly kind: "roll" | "delete";
  readonly token: Token;
}

interface Props {
  readonly asked: Asked;
  readonly onSecret: (secret: string) => void;
  readonly onChange: () => void;
  readonly onClose: () => void;
}

const OVERLAPS = [
  { value: "1d", name: "for a day" },
  { value: "1h", name: "for an hour" },
  { value: "7d", name: "for a week" },
  { value: "30d", name: "for 30 days" },
  { value: "0s", name: "not at all" },
];

export function TokenDialog({ asked: { kind, token }, ...props }: Props) {
  return kind === "roll" ? <Roll token={token} {...props} /> : <Delete token={token} {...props} />;
}

type OneProps = Omit<Props, "asked"> & { readonly token: Token };

function Roll({ token, onSecret, onClose }: OneProps) {
  const [overlap, setOverlap] = useState("1d");
  const confirm = async () => {
    onSecret((await put<string>(`/user/tokens/${part(token.id)}/value`, { overlap })).result);
  };
  return (
    <Confirm title={`Roll ${token.name}`} action="Make a new value" onConfirm={confirm} onClose={onClose}>
      <p>The token gets another value; its name, permissions and limits stay. The new value is shown once.</p>
      <Own token={token} />
      <SelectField label="The value before stays good" value={overlap} choices={OVERLAPS} onChoose={setOverlap} />
    </Confirm>
  );
}

function Delete({ token, onChange, onClose }: OneProps) {
  const confirm = async () => {
    await remove(`/user/tokens/${part(token.id)}`);
    onChange();
  };
  return (
    <Confirm title={`Delete ${token.name}`} action="Delete it" dangerous typed={token.name || "delete"} onConfirm={confirm} onClose={onClose}>
      <p>Whatever uses it is refused from now on. Mail that it has sent stays as it is. This cannot be undone.</p>
      <Own token={token} />
    </Confirm>
  );
}

function Own({ token }: { readonly token: Token }) {
  const { session } = useSession();
  if (token.id !== session.token.id) return null;
  return <Notice tone="warn">You have signed in with this token: this ends your session.</Notice>;
}
