import { useState } from "preact/hooks";
import { patch, post } from "../../client/http";
import type { Webhook } from "../../client/types/webhooks";
import { CheckField, TextField } from "../../kit/field";
import { FormDialog } from "../../kit/form";
import { EVENTS } from "./health";
import { webhooksPath } from "./path";

interface Props {
  readonly account: string;
  /** The one to change; undefined to make one. */
  readonly webhook?: Webhook;
  readonly onDone: (webhook: Webhook) => void;
  readonly onClose: () => void;
}

/** Makes or changes a webhook. */
export function WebhookForm({ account, webhook, onDone, onClose }: Props) {
  const [url, setUrl] = useState(webhook?.url ?? "");
  const [name, setName] = useState(webhook?.name ?? "");
  const [isAll, setAll] = useState(!webhook || webhook.events.length === 0);
  const [events, setEvents] = useState<readonly string[]>(webhook?.events ?? []);
  const submit = async () => {
    const body = { url: url.trim(), name: name.trim(), events: isAll ? [] : events };
    const { result } = webhook
      ? await patch<Webhook>(webhooksPath(account, webhook.id), body)
      : await post<Webhook>(webhooksPath(account), body);
    onDone(result);
  };
  const choose = (event: string, isChosen: boolean) =>
    setEvents(isChosen ? [...events, event] : events.filter((other) => other !== event));
  return (
    <FormDialog
      title={webhook ? "Edit the webhook" : "New webhook"}
      action={webhook ? "Save" : "Make the webhook"}
      isReady={url.trim() !== "" && (isAll || events.length > 0)}
      onSubmit={submit}
      onClose={onClose}
    >
      <TextField
        label="Address"
        type="url"
        value={url}
        onInput={setUrl}
        required
        autoFocus
        placeholder="https://app.example/hooks/mail"
        hint="By https, at an address that everybody can reach."
      />
      <TextField label="Name" value={name} onInput={setName} hint="For yourself." />
      <fieldset class="events">
        <legend>What it is told of</legend>
        <CheckField label="Everything, what is new later too" checked={isAll} onChange={setAll} />
        {!isAll &&
          EVENTS.map(([event, means]) => (
            <CheckField
              key={event}
              label={event}
              hint={means}
              checked={events.includes(event)}
              onChange={(isChosen) => choose(event, isChosen)}
            />
          ))}
      </fieldset>
    </FormDialog>
  );
}
