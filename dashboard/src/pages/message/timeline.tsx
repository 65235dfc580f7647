import { useState } from "preact/hooks";
import type { Happening } from "../../client/types/activity";
import { Button } from "../../kit/button";
import { SelectField } from "../../kit/field";
import { duration } from "../../kit/format";
import { useLoad } from "../../kit/load";
import { Badge, Card, Empty, Facts, Failure, Skeleton, Time } from "../../kit/show";
import { story, type Found } from "./find";
import { attempted, folded, isAbout, named, split } from "./happening";

/** Events that are fetched at first, and with each "more". */
const STEP = 200;

/** Its life, from acceptance to the last word about it. */
export function Timeline({ found }: { readonly found: Found }) {
  const [most, setMost] = useState(STEP);
  const [about, setAbout] = useState("");
  const { message } = found;
  // Whatever becomes of a recipient is something that happened.
  const stand = message.recipients.map(({ updated_at }) => updated_at).join();
  const told = useLoad((signal) => story(found, most, signal), [found.path, most, stand]);
  const addresses = [...new Set(message.recipients.map((one) => one.recipient ?? one.destination ?? ""))].filter(Boolean);
  const events = told.data?.events.filter((event) => !about || isAbout(event, about)) ?? [];
  const choice = addresses.length > 1 && (
    <SelectField
      label="Recipient"
      hideLabel
      value={about}
      choices={[{ value: "", name: "All recipients" }, ...addresses.map((value) => ({ value, name: value }))]}
      onChoose={setAbout}
    />
  );
  return (
    <Card title="What happened" actions={choice || undefined}>
      <Failure failure={told.failure} again={told.reload} />
      {!told.data && !told.failure && <Skeleton lines={6} />}
      {told.data && events.length === 0 && (
        <Empty title="Nothing is on record">
          <p>What happened is kept for a month; this message may be older.</p>
        </Empty>
      )}
      <ol class="timeline">
        {folded(events).map((told, place) =>
          "alike" in told ? (
            <Alike key={place} events={told.alike} since={message.accepted_at} />
          ) : (
            <Event key={`${told.event.at} ${place}`} event={told.event} since={message.accepted_at} />
          ),
        )}
      </ol>
      {told.data?.goesOn && (
        <Button onClick={() => setMost(most + STEP)} busy={told.isLoading}>
          Show more
        </Button>
      )}
    </Card>
  );
}

interface EventProps {
  readonly event: Happening;
  /** When the message was accepted. */
  readonly since: string;
}

function Event({ event, since }: EventProps) {
  const [tone, name] = named(event);
  const after = new Date(event.at).getTime() - new Date(since).getTime();
  const whom = event.recipients ?? event.to ?? [];
  return (
    <li class={tone}>
      <p class="row">
        <Badge tone={tone}>{name}</Badge>
        <span class="soft">{whom.length > 3 ? `${whom.slice(0, 3).join(", ")} and ${whom.length - 3} more` : whom.join(", ")}</span>
        <span class="timeline-when soft">
          <Time at={event.at} full />
          {after > 0 && ` (after ${duration(after)})`}
        </span>
      </p>
      {event.attempt === undefined ? <Told text={event.text} /> : <Attempt event={event} />}
    </li>
  );
}

interface AlikeProps {
  readonly events: readonly Happening[];
  readonly since: string;
}

function Alike({ events, since }: AlikeProps) {
  const [isOpen, setOpen] = useState(false);
  if (isOpen) return <>{events.map((event) => <Event key={event.at} event={event} since={since} />)}</>;
  return (
    <li class="muted">
      <Button small onClick={() => setOpen(true)}>
        {events.length} more attempts that went the same way
      </Button>
    </li>
  );
}

function Told({ text }: { readonly text: string }) {
  const { sentence, lines } = split(text);
  return (
    <>
      <p>{sentence}</p>
      {lines.length > 0 && <pre>{lines.join("\n")}</pre>}
    </>
  );
}

function Attempt({ event }: { readonly event: Happening }) {
  const isAhead = new Date(event.next_attempt_at ?? 0) > new Date();
  const next = event.next_attempt_at && (
    <>
      <Time at={event.next_attempt_at} />, by {event.next_attempt_reason}
    </>
  );
  return (
    <>
      <p>{attempted(event)}</p>
      {event.reply && <p class="message-reply">{event.reply}</p>}
      <details>
        <summary>How it went</summary>
        <Facts
          rows={[
            ["Server", event.host],
            ["Its address", event.address],
            ["TLS", event.tls ?? "none"],
            ["From source", event.source],
            ["Status code", event.code],
            ["Next attempt", next],
          ]}
        />
      </details>
      {isAhead && <p>Next attempt {next}.</p>}
    </>
  );
}
