import { useRef, useState } from "preact/hooks";
import { post, remove } from "../../client/http";
import type { Webhook } from "../../client/types/webhooks";
import { counted } from "../../kit/format";
import { Confirm } from "../../kit/dialog";
import { SelectField } from "../../kit/field";
import { navigate, href } from "../../router";
import { WebhookForm } from "./form";
import { webhooksPath } from "./path";
import { ReplayDialog } from "./replay";
import { SigningSecret } from "./signing_secret";

/** What somebody wants to do. */
export type Asked =
  | { readonly kind: "edit" | "rotate" | "delete" }
  | { readonly kind: "replay"; readonly from?: Date };

interface Props {
  readonly account: string;
  readonly webhook: Webhook;
  readonly asked: Asked;
  readonly onChange: () => void;
  readonly onClose: () => void;
}

/** The dialogs of a webhook. */
export function WebhookDialog({ account, webhook, asked, onChange, onClose }: Props) {
  const path = webhooksPath(account, webhook.id);
  if (asked.kind === "edit") return <WebhookForm account={account} webhook={webhook} onDone={onChange} onClose={onClose} />;
  if (asked.kind === "replay") return <ReplayDialog path={path} from={asked.from} onChange={onChange} onClose={onClose} />;
  if (asked.kind === "rotate") return <RotateDialog path={path} onChange={onChange} onClose={onClose} />;
  const confirm = async () => {
    await remove(path);
    navigate(href("/webhooks"));
  };
  return (
    <Confirm
      title="Delete the webhook"
      action="Delete it"
      dangerous
      typed={webhook.name || "delete"}
      onConfirm={confirm}
      onClose={onClose}
    >
      <p>
        <span class="address">{webhook.url}</span> is told nothing any more. What it was not told yet
        {webhook.waiting_events > 0 ? ` (${counted(webhook.waiting_events, "event")})` : ""} and its calls are forgotten. This cannot be undone.
      </p>
    </Confirm>
  );
}

const OVERLAPS = [
  { value: "24h", name: "for a day" },
  { value: "1h", name: "for an hour" },
  { value: "7d", name: "for a week" },
  { value: "30d", name: "for 30 days" },
  { value: "0s", name: "not at all" },
];

interface RotateProps {
  readonly path: string;
  readonly onChange: () => void;
  readonly onClose: () => void;
}

function RotateDialog({ path, onChange, onClose }: RotateProps) {
  const [overlap, setOverlap] = useState("24h");
  const [secret, setSecret] = useState<string>();
  const isRotated = useRef(false);
  if (secret) return <SigningSecret secret={secret} onClose={onClose} />;
  const confirm = async () => {
    const { result } = await post<Webhook>(`${path}/rotate-secret`, { overlap });
    onChange();
    isRotated.current = true;
    setSecret(result.secret);
  };
  // Once there is a new secret, it is what has to be seen and closed.
  const close = () => isRotated.current || onClose();
  return (
    <Confirm title="Rotate the secret" action="Make a new secret" onConfirm={confirm} onClose={close}>
      <p>
        Calls carry a signature of each secret that is good. Put the new one in place while the old one still signs, and nothing is refused.
      </p>
      <SelectField label="The old secret signs on" value={overlap} choices={OVERLAPS} onChoose={setOverlap} />
    </Confirm>
  );
}
