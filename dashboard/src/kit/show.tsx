// Small things that show a value.

import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { ApiFailure } from "../client/http";
import { ago, exact } from "./format";
import { Button } from "./button";
import { Icon } from "./icon";

export type Tone = "good" | "bad" | "warn" | "info" | "muted";

/** A word for a state: never by its colour alone. */
export function Badge({ tone, children }: { readonly tone: Tone; readonly children: ComponentChildren }) {
  return <span class={`badge ${tone}`}>{children}</span>;
}

const STATUSES: Readonly<Record<string, readonly [Tone, string]>> = {
  sent: ["info", "On its way"],
  delivered: ["good", "Delivered"],
  forwarded: ["good", "Forwarded"],
  processed: ["good", "Processed"],
  dropped: ["muted", "Dropped"],
  deliveryFailed: ["bad", "Delivery failed"],
  rejected: ["warn", "Rejected"],
  failed: ["bad", "Failed"],
};

/** The name of a status of the activity log, for people. */
export function statusName(status: string): string {
  return STATUSES[status]?.[1] ?? status;
}

export function StatusBadge({ status }: { readonly status: string }) {
  const [tone, text] = STATUSES[status] ?? ["muted", status];
  return <Badge tone={tone}>{text}</Badge>;
}

/** A time as told from now; the exact one is in its title and for screen readers. */
export function Time({ at, full }: { readonly at: string | number; readonly full?: boolean }) {
  const moment = new Date(at);
  const [now, setNow] = useState(() => new Date());
  useEffect(() => {
    const timer = setInterval(() => setNow(new Date()), 15_000);
    return () => clearInterval(timer);
  }, []);
  const text = exact(moment);
  return (
    <time dateTime={moment.toISOString()} title={text}>
      {full ? text : ago(moment, now)}
    </time>
  );
}

/** What went wrong, in the server's words. */
export function Failure({ failure, again }: { readonly failure: Error | undefined; readonly again?: () => void }) {
  if (!failure) return null;
  return (
    <div class="notice bad" role="alert">
      <Icon name="warn" />
      <div>
        <p>{failure.message}</p>
        {failure instanceof ApiFailure && failure.status === 403 && (
          <p>The token that you signed in with does not have the permission for this.</p>
        )}
        {again && (
          <Button small onClick={again}>
            Try again
          </Button>
        )}
      </div>
    </div>
  );
}

export function Notice({ tone, children }: { readonly tone: Tone; readonly children: ComponentChildren }) {
  return (
    <div class={`notice ${tone}`}>
      <Icon name={tone === "good" ? "check" : "warn"} />
      <div>{children}</div>
    </div>
  );
}

/** What the server said besides, each time anew. */
export function Notes({ notes }: { readonly notes: readonly string[] }) {
  return (
    <div role="status">
      {notes.map((note) => (
        <Notice key={note} tone="warn">
          {note}
        </Notice>
      ))}
    </div>
  );
}

/** There is nothing: why, and what to do about it. */
export function Empty({ title, children }: { readonly title: string; readonly children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children}
    </div>
  );
}

/** Room for what is loading. */
export function Skeleton({ lines = 3 }: { readonly lines?: number }) {
  return (
    <div class="skeleton" role="status" aria-label="Loading">
      {Array.from({ length: lines }, (_, line) => (
        <span key={line} />
      ))}
    </div>
  );
}

/** Names and values. */
export function Facts({ rows }: { readonly rows: readonly (readonly [string, ComponentChildren])[] }) {
  return (
    <dl class="facts">
      {rows
        .filter(([, value]) => value !== undefined && value !== null && value !== "")
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}

interface CardProps {
  readonly title?: ComponentChildren;
  readonly actions?: ComponentChildren;
  readonly children: ComponentChildren;
}

export function Card({ title, actions, children }: CardProps) {
  return (
    <section class="card">
      {(title || actions) && (
        <header>
          {title && <h2>{title}</h2>}
          {actions && <div class="actions">{actions}</div>}
        </header>
      )}
      {children}
    </section>
  );
}
