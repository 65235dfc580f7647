import { useState } from "preact/hooks";
import { post } from "../../client/http";
import type { RoutingRule } from "../../client/types/routing";
import type { LocalRun } from "../../client/types/workers";
import { Button } from "../../kit/button";
import { TextField } from "../../kit/field";
import { useAction } from "../../kit/load";
import { Card, Facts, Failure, Notice } from "../../kit/show";
import { href } from "../../router";
import { useSession } from "../../state/session";
import { rulesOf } from "./scripts";
import { outcomeOf } from "./run";

interface Props {
  readonly name: string;
  readonly rules: readonly RoutingRule[];
}

/** Hands a message to the Worker as if the world had sent it; only a server for development has a door for that. */
export function TestMail({ name, rules }: Props) {
  const { session } = useSession();
  const [rule] = rulesOf(rules, name);
  const address = rule?.matchers[0]?.value ?? (rule ? `test@${rule.zone.name}` : "");
  if (session.mode !== "dev") return null;
  return (
    <Card title="Test mail">
      {rule ? (
        <Form address={address} />
      ) : (
        <p>
          Have a rule hand it mail first, under <a href={href("/routing")}>Routing</a>.
        </p>
      )}
    </Card>
  );
}

function Form({ address }: { readonly address: string }) {
  const [from, setFrom] = useState("sender@example.org");
  const [to, setTo] = useState(address);
  const [subject, setSubject] = useState("A test");
  const [text, setText] = useState("Hello!\n");
  const [run, setRun] = useState<LocalRun>();
  const send = useAction(async () => {
    setRun(undefined);
    const message = new Blob([rawMessage({ from, to, subject, text })], { type: "message/rfc822" });
    setRun((await post<LocalRun>("/cdn-cgi/handler/email", message, { query: { from, to } })).result);
  });
  const submit = (event: Event) => {
    event.preventDefault();
    void send.run();
  };
  return (
    <form onSubmit={submit}>
      <div class="grid">
        <TextField label="From" value={from} onInput={setFrom} />
        <TextField label="To" value={to} onInput={setTo} required />
      </div>
      <TextField label="Subject" value={subject} onInput={setSubject} />
      <TextField label="Text" value={text} onInput={setText} lines={3} />
      <Failure failure={send.failure} />
      <Button type="submit" icon="mail" busy={send.isRunning}>
        Hand it in
      </Button>
      <div role="status">{run && <Outcome run={run} />}</div>
    </form>
  );
}

/** What fields of a header cannot hold is left out: a new line would begin another. */
export function rawMessage({ from, to, subject, text }: Readonly<Record<"from" | "to" | "subject" | "text", string>>): string {
  const line = (value: string) => value.replace(/[\r\n]+/g, " ");
  const head = [
    `From: ${line(from)}`,
    `To: ${line(to)}`,
    `Subject: ${line(subject)}`,
    `Date: ${new Date().toUTCString().replace("GMT", "+0000")}`,
    `Message-ID: <${crypto.randomUUID()}@dashboard.invalid>`,
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
    "Content-Transfer-Encoding: 8bit",
  ];
  return `${head.join("\r\n")}\r\n\r\n${text.replace(/\r?\n/g, "\r\n")}`;
}

function Outcome({ run: { outcome, reply, message_id: id, worker } }: { readonly run: LocalRun }) {
  const tone = outcome === "refused" ? "bad" : outcome === "held" ? "warn" : "good";
  return (
    <Notice tone={tone}>
      <Facts
        rows={[
          ["What became of it", outcome],
          ["Its sender hears", <code key="reply">{reply}</code>],
          ["Worker", worker && `${worker.script}: ${outcomeOf(worker.outcome)[1].toLowerCase()}, ${worker.wall_ms} ms`],
          ["It said", worker && worker.logs.length > 0 && <pre tabIndex={0}>{worker.logs.join("\n")}</pre>],
          ["Exceptions", worker && worker.exceptions.length > 0 && <pre tabIndex={0}>{worker.exceptions.join("\n")}</pre>],
          ["Timeline", id && <a href={href(`/messages/${id}`, { mail: "routing" })}>{id}</a>],
        ]}
      />
    </Notice>
  );
}
