import type { Run } from "../../client/types/workers";
import { duration } from "../../kit/format";
import { Badge, Time, type Tone } from "../../kit/show";

const OUTCOMES: Readonly<Record<string, readonly [Tone, string]>> = {
  ok: ["good", "Went well"],
  exception: ["bad", "Exception"],
  exceededCpu: ["bad", "Out of processor time"],
  exceededMemory: ["bad", "Out of memory"],
  canceled: ["warn", "Cancelled"],
};

/** What is said of an outcome. */
export function outcomeOf(outcome: string): readonly [Tone, string] {
  return OUTCOMES[outcome] ?? ["muted", outcome];
}

/** One event with its lines and exceptions. What is in them is whatever people wrote. */
export function RunEntry({ run }: { readonly run: Run }) {
  const [tone, text] = outcomeOf(run.outcome);
  const { eventTimestamp: at, wallTime, cpuTime, logs, exceptions } = run;
  return (
    <li class="run">
      <div class="row">
        <Badge tone={tone}>{text}</Badge>
        <strong>{titleOf(run.event)}</strong>
        <span class="soft">
          {wallTime !== undefined && `${duration(wallTime)}`}
          {cpuTime !== undefined && `, ${duration(cpuTime)} of processor time`}
        </span>
        {at !== null && (
          <span class="soft">
            <Time at={at} />
          </span>
        )}
      </div>
      {(logs.length > 0 || exceptions.length > 0) && (
        <ul class="lines">
          {logs.map(({ level, message }, line) => (
            // Lines have no names, and do not move.
            <li key={line} class={level}>
              <span class="level">{level}</span> {message.map(said).join(" ")}
            </li>
          ))}
          {exceptions.map(({ name, message }, at) => (
            <li key={`exception ${at}`} class="error">
              <span class="level">exception</span> {name}: {message}
            </li>
          ))}
        </ul>
      )}
      {run.truncated && <p class="soft">More was said than is kept.</p>}
    </li>
  );
}

/** What happened, in a line. */
export function titleOf(event: Run["event"]): string {
  const text = (name: string) => (typeof event[name] === "string" ? event[name] : "");
  if ("rcptTo" in event) return `Mail from ${text("mailFrom") || "nobody (<>)"} to ${text("rcptTo")}`;
  if ("queue" in event) return `${Number(event["batchSize"])} messages of the queue ${text("queue")}`;
  if ("request" in event) {
    const { method, url } = event["request"] as { readonly method?: unknown; readonly url?: unknown };
    return `${String(method)} ${String(url)}`;
  }
  return text("message") || "Event";
}

function said(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Whether an event says some words, whatever their case. */
export function saysText(run: Run, words: string): boolean {
  const wanted = words.trim().toLowerCase();
  if (!wanted) return true;
  const lines = [
    titleOf(run.event),
    ...run.logs.map(({ message }) => message.map(said).join(" ")),
    ...run.exceptions.map(({ name, message }) => `${name}: ${message}`),
  ];
  return lines.some((line) => line.toLowerCase().includes(wanted));
}
