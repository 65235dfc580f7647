import { useState } from "preact/hooks";
import { post } from "../../client/http";
import type { Zone } from "../../client/types/core";
import type { RoutingTrial } from "../../client/types/routing";
import { Button } from "../../kit/button";
import { TextField } from "../../kit/field";
import { useAction } from "../../kit/load";
import { Card, Facts, Failure, Notice, type Tone } from "../../kit/show";
import { ActionWords, RuleState, isCatchAll } from "./words";

/** Asks which rule would take mail for an address, and what would happen. Nothing is sent. */
export function TryAddress({ zone }: { readonly zone: Zone }) {
  const [to, setTo] = useState("");
  const [from, setFrom] = useState("");
  const [trial, setTrial] = useState<RoutingTrial>();
  const ask = useAction(async () => {
    setTrial(undefined);
    const body = { to: to.trim(), from: from.trim() };
    setTrial((await post<RoutingTrial>(`/zones/${zone.id}/email/routing/try`, body)).result);
  });
  const submit = (event: Event) => {
    event.preventDefault();
    void ask.run();
  };
  return (
    <Card title="Try an address">
      <form class="filters" onSubmit={submit}>
        <TextField label="Mail to" value={to} onInput={setTo} placeholder={`hello@${zone.name}`} required />
        <TextField label="From" value={from} onInput={setFrom} placeholder="somebody@example.org" />
        <Button type="submit" busy={ask.isRunning} disabled={!to.trim()}>
          What would happen
        </Button>
      </form>
      <Failure failure={ask.failure} />
      <div role="status">{trial && <Outcome trial={trial} />}</div>
      <p class="soft">Nothing is sent. What a message is judged by (its sender, spam) comes later and may still refuse it.</p>
    </Card>
  );
}

function Outcome({ trial }: { readonly trial: RoutingTrial }) {
  const [tone, text] = words(trial);
  return (
    <Notice tone={tone}>
      <p>
        <strong>{trial.to}</strong> {text}
      </p>
      <Facts
        rows={[
          ["What is done", trial.action && <ActionWords action={trial.action} />],
          ["Rule", trial.rule && <Rule rule={trial.rule} />],
          ["Subaddress", trial.detail && <>“{trial.detail}” was left out to find the rule</>],
          ["The client hears", trial.reply && <code>{trial.reply}</code>],
        ]}
      />
    </Notice>
  );
}

function Rule({ rule }: { readonly rule: NonNullable<RoutingTrial["rule"]> }) {
  return (
    <span class="row">
      {isCatchAll(rule) ? "the catch-all" : `for ${rule.matchers[0]?.value}`}
      {rule.name && ` (${rule.name})`} <RuleState rule={rule} />
    </span>
  );
}

export function words({ outcome, reply, action }: Pick<RoutingTrial, "outcome" | "reply" | "action">): readonly [Tone, string] {
  switch (outcome) {
    case "routed":
      return action?.type === "drop" ? ["warn", "is taken and thrown away."] : ["good", "is taken."];
    case "heard":
      return ["info", "is an address of the server itself: it hears bounces or reports there."];
    case "returned":
      return ["info", "goes back to whoever wrote the mail that was forwarded."];
    case "refused":
      return reply?.startsWith("4") ? ["warn", "is put off: its sender tries again later."] : ["bad", "is refused."];
  }
}
