import { useState } from "preact/hooks";
import { post } from "../../client/http";
import type { Zone } from "../../client/types/core";
import type { SendingDomain, SendResult } from "../../client/types/sending";
import { Button } from "../../kit/button";
import { Dialog } from "../../kit/dialog";
import { TextField } from "../../kit/field";
import { useAction } from "../../kit/load";
import { Failure, Notice } from "../../kit/show";
import { href } from "../../router";

interface Props {
  readonly zone: Zone;
  readonly domain: SendingDomain;
  readonly onClose: () => void;
}

/** Sends a first message, and shows the request that does the same from anywhere. */
export function TestMail({ zone, domain, onClose }: Props) {
  const host = domain.name.replace(/^\*\./, "test.");
  const [from, setFrom] = useState(`hello@${host}`);
  const [to, setTo] = useState("");
  const [result, setResult] = useState<SendResult>();
  const path = `/accounts/${zone.account.id}/email/sending/send`;
  const message = { from, to, subject: `A test from ${host}`, text: `It works: this was sent from ${host} by mailwright.\n` };
  const send = useAction(async () => setResult((await post<SendResult>(path, message)).result));
  const submit = (event: Event) => {
    event.preventDefault();
    void send.run();
  };
  return (
    <Dialog title="Send a test mail" onClose={onClose} wide>
      <form onSubmit={submit}>
        <TextField label="From" type="email" value={from} onInput={setFrom} required />
        <TextField label="To" type="email" value={to} onInput={setTo} required autoFocus hint="An address of yours where you can look at it." />
        <h3>The same from your program</h3>
        <pre tabIndex={0}>{curl(path, message)}</pre>
        <Failure failure={send.failure} />
        <div role="status">{result && <Outcome result={result} />}</div>
        <footer>
          <Button onClick={onClose}>Close</Button>
          <Button type="submit" kind="primary" busy={send.isRunning} disabled={!from || !to}>
            Send
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}

function curl(path: string, message: unknown): string {
  const json = JSON.stringify(message, null, 2).replaceAll("'", "'\\''");
  return `curl ${location.origin}/client/v4${path} \\\n  --header "Authorization: Bearer $TOKEN" --json '${json}'`;
}

function Outcome({ result }: { readonly result: SendResult }) {
  const link = <a href={href("/activity", { message_id: result.message_id })}>See it in the activity log</a>;
  if (result.delivered.length > 0) return <Notice tone="good">Delivered: its server took the message. {link}</Notice>;
  if (result.permanent_bounces.length > 0) return <Notice tone="bad">Refused by its server for good. {link}</Notice>;
  if (result.suppressed_recipients.length > 0) {
    return (
      <Notice tone="warn">
        Not sent: the address is suppressed. <a href={href("/suppressions", { search: result.suppressed_recipients[0] })}>See why</a>
      </Notice>
    );
  }
  return <Notice tone="info">Accepted and on its way. {link}</Notice>;
}
