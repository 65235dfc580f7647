import { useState } from "preact/hooks";
import type { Zone } from "../../client/types/core";
import type { DomainReport } from "../../client/types/dns";
import type { SendingDomain } from "../../client/types/sending";
import { Button } from "../../kit/button";
import { Card, Time } from "../../kit/show";
import { useMay } from "../../state/session";
import { TestMail } from "./test_mail";

interface Props {
  readonly zone: Zone;
  readonly domain: SendingDomain;
  readonly report: DomainReport | undefined;
}

/** How many of the records are as they should be. */
export function published(report: DomainReport | undefined): { readonly found: number; readonly all: number } {
  const records = report?.records ?? [];
  return { found: records.filter(({ state }) => state === "locked").length, all: records.length };
}

/** The way to a first mail: what is done, what is next. */
export function Steps({ zone, domain, report }: Props) {
  const [isSending, setSending] = useState(false);
  const maySend = useMay("send");
  const { found, all } = published(report);
  const areAllThere = all > 0 && found === all;
  const isReady = domain.enabled && domain.verified !== null;
  const steps = [
    { name: "Domain added", isDone: true, text: <>{zone.name} is in this account.</> },
    {
      name: "Sending enabled",
      isDone: domain.enabled,
      text: domain.enabled ? <>Since <Time at={domain.created} />, with DKIM keys of its own.</> : <>Enable it under “Settings” below.</>,
    },
    {
      name: "Records published",
      isDone: areAllThere,
      text: all === 0 ? <>See below what to publish.</> : <>{found} of {all} found in the DNS.</>,
    },
    {
      name: "Verified",
      isDone: domain.verified !== null,
      text: domain.verified ? (
        <>Since <Time at={domain.verified} />. Mail from it is signed and sent.</>
      ) : (
        <>The DNS is looked at again and again; mail is refused until the records are found.</>
      ),
    },
    {
      name: "Send a test mail",
      isDone: false,
      text: maySend ? (
        <Button small kind={isReady ? "primary" : "plain"} icon="mail" disabled={!isReady} onClick={() => setSending(true)}>
          Send a test mail
        </Button>
      ) : (
        <>Needs a token that may send.</>
      ),
    },
  ];
  const next = steps.findIndex(({ isDone }) => !isDone);
  return (
    <Card title={domain.name}>
      <ol class="steps">
        {steps.map(({ name, isDone, text }, at) => (
          <li key={name} class={isDone ? "done" : at === next ? "next" : undefined} aria-current={at === next ? "step" : undefined}>
            <h3>
              {name}
              <span class="visually-hidden">{isDone ? ": done" : at === next ? ": next" : ": later"}</span>
            </h3>
            <div class="soft">{text}</div>
          </li>
        ))}
      </ol>
      {isSending && <TestMail zone={zone} domain={domain} onClose={() => setSending(false)} />}
    </Card>
  );
}
