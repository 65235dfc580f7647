import { patch, post } from "../../client/http";
import { Confirm } from "../../kit/dialog";
import { count } from "../../kit/format";
import type { QueueRow } from "./queues";

interface Props {
  readonly path: string;
  readonly queue: QueueRow;
  readonly changed: () => void;
  readonly onClose: () => void;
}

export function Pause({ path, queue, changed, onClose }: Props) {
  const { queue_name: name, settings } = queue;
  const isPaused = settings.delivery_paused;
  const turn = async () => {
    await patch(`${path}/${queue.queue_id}`, { settings: { delivery_paused: !isPaused } });
    changed();
  };
  return (
    <Confirm title={`${isPaused ? "Resume" : "Pause"} ${name}`} action={isPaused ? "Resume" : "Pause"} onConfirm={turn} onClose={onClose}>
      <p>
        {isPaused
          ? "Its consumer gets what waits from now on."
          : "Messages are still taken and wait, up to the time that the queue keeps them. Batches under way are finished."}
      </p>
    </Confirm>
  );
}

export function Purge({ path, queue, changed, onClose }: Props) {
  const { queue_name: name, backlog } = queue;
  const purge = async () => {
    await post(`${path}/${queue.queue_id}/purge`, { delete_messages_permanently: true });
    changed();
  };
  return (
    <Confirm title={`Empty ${name}`} action="Throw all away" dangerous typed={name} onConfirm={purge} onClose={onClose}>
      <p>
        {backlog ? `${count(backlog.backlog_count)} messages wait now. ` : ""}All that wait are thrown away for good, and nobody handles
        them.
      </p>
    </Confirm>
  );
}
