import type { ComponentChildren } from "preact";
import { Button } from "./button";
import { useAction } from "./load";
import { Failure } from "./show";
import { Dialog } from "./dialog";

interface Props {
  readonly title: string;
  readonly action: string;
  readonly children: ComponentChildren;
  /** Whether all that is needed has been said. */
  readonly isReady?: boolean;
  readonly wide?: boolean;
  readonly onSubmit: () => Promise<void>;
  readonly onClose: () => void;
}

/** A dialog with a form; closes once what was asked for is done. */
export function FormDialog({ title, action, children, isReady = true, wide, onSubmit, onClose }: Props) {
  const act = useAction(async () => {
    await onSubmit();
    onClose();
  });
  const submit = (event: Event) => {
    event.preventDefault();
    void act.run();
  };
  return (
    <Dialog title={title} onClose={onClose} wide={wide}>
      <form onSubmit={submit}>
        {children}
        <Failure failure={act.failure} />
        <footer>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" kind="primary" busy={act.isRunning} disabled={!isReady}>
            {action}
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}
