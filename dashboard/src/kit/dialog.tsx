import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { Button } from "./button";
import { TextField } from "./field";
import { useAction } from "./load";
import { Failure } from "./show";

interface DialogProps {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
  readonly wide?: boolean;
}

/** A dialog of the browser's own: it keeps the focus inside, and Escape closes it. It is open as long as it is there. */
export function Dialog({ title, onClose, children, wide }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog ref={dialog} class={wide ? "wide" : undefined} aria-labelledby={id} onClose={onClose}>
      <header>
        <h2 id={id}>{title}</h2>
        <Button kind="quiet" icon="close" label="Close" onClick={onClose}>
          {""}
        </Button>
      </header>
      {children}
    </dialog>
  );
}

interface ConfirmProps {
  readonly title: string;
  /** What will happen, and what cannot be undone. */
  readonly children: ComponentChildren;
  readonly action: string;
  /** What the way out is called, where "Cancel" could be taken for the action. */
  readonly dismiss?: string;
  readonly dangerous?: boolean;
  /** What has to be typed before it can be done. */
  readonly typed?: string;
  readonly onConfirm: () => Promise<void>;
  readonly onClose: () => void;
}

/** Asks before something is done; closes once it is. */
export function Confirm({ title, children, action, dismiss = "Cancel", dangerous, typed, onConfirm, onClose }: ConfirmProps) {
  const [text, setText] = useState("");
  const act = useAction(async () => {
    await onConfirm();
    onClose();
  });
  const submit = (event: Event) => {
    event.preventDefault();
    void act.run();
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form onSubmit={submit}>
        {children}
        {typed && <TextField label={`Type ${typed} to go on`} value={text} onInput={setText} />}
        <Failure failure={act.failure} />
        <footer>
          <Button onClick={onClose}>{dismiss}</Button>
          <Button
            type="submit"
            kind={dangerous ? "danger" : "primary"}
            busy={act.isRunning}
            disabled={typed !== undefined && text !== typed}
          >
            {action}
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}
