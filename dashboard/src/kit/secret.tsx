import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Button, CopyButton } from "./button";
import { Dialog } from "./dialog";
import { CheckField } from "./field";
import "./secret.css";
import { Notice } from "./show";

interface Props {
  readonly title: string;
  readonly secret: string;
  /** What it is for, and what to do with it. */
  readonly children: ComponentChildren;
  readonly onClose: () => void;
}

/** Shows a secret the only time that it can be seen. */
export function SecretDialog({ title, secret, children, onClose }: Props) {
  const [isKept, setKept] = useState(false);
  return (
    <Dialog title={title} onClose={onClose}>
      <Notice tone="warn">It is shown this once. Put it where your secrets are before you close this.</Notice>
      <p class="secret">
        <code>{secret}</code>
        <CopyButton text={secret} label="Copy the secret" />
      </p>
      {children}
      <CheckField label="I have put it in a safe place" checked={isKept} onChange={setKept} />
      <footer>
        <Button kind="primary" disabled={!isKept} onClick={onClose}>
          Done
        </Button>
      </footer>
    </Dialog>
  );
}
