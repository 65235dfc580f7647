// Finding a message by its id alone.

import { messagesPath, type Whose } from "../../client/activity";
import { ApiFailure, get, part } from "../../client/http";
import type { Direction, Happening, Message } from "../../client/types/activity";
import { statusName } from "../../kit/show";

export interface Found {
  readonly message: Message;
  readonly direction: Direction;
  /** Its path; `/timeline` follows it. */
  readonly path: string;
}

/** Looks where it should be first, and then among what goes the other way. */
export async function find(id: string, whose: Whose, signal: AbortSignal): Promise<Found> {
  try {
    return await ask(id, whose, signal);
  } catch (failure) {
    if (!(failure instanceof ApiFailure) || failure.status !== 404) throw failure;
    const other: Direction = whose.direction === "sending" ? "routing" : "sending";
    return ask(id, { ...whose, direction: other }, signal);
  }
}

async function ask(id: string, whose: Whose, signal: AbortSignal): Promise<Found> {
  const path = `${messagesPath(whose)}/${part(id)}`;
  const { result } = await get<Message>(path, { signal });
  return { message: result, direction: whose.direction, path };
}

/** Where its contents are. Operators have one place for whichever way it goes. */
export function contentPath({ message, path }: Found): string {
  return path.startsWith("/delivery/") ? `/delivery/messages/${part(message.id)}/content` : `${path}/content`;
}

export interface Story {
  readonly events: readonly Happening[];
  /** Whether there is more. */
  readonly goesOn: boolean;
}

/** What happened to it, from the beginning, up to `most` events. */
export async function story({ path }: Found, most: number, signal: AbortSignal): Promise<Story> {
  const events: Happening[] = [];
  let cursor: string | undefined;
  do {
    const query = { cursor, per_page: 200 };
    const page = await get<Happening[]>(`${path}/timeline`, { signal, query });
    events.push(...page.result);
    cursor = page.info?.cursor ?? undefined;
  } while (cursor && events.length < most);
  return { events, goesOn: Boolean(cursor) };
}

/** The log is a second or two behind what happens, more under load. */
const RECORDED_AFTER = 60_000;

/** Whether a message of this id may have come so late that it is not on record yet: ids are microseconds since 1970. */
export function isFresh(id: string, now: Date): boolean {
  const came = /^[0-9a-f]{13,14}$/i.test(id) ? parseInt(id, 16) / 1_000 : 0;
  return Math.abs(now.getTime() - came) < RECORDED_AFTER;
}

/** Whether something may still become of it. */
export function isWaiting({ recipients }: Message): boolean {
  return recipients.some(({ status }) => status === "sent");
}

/** Whether some of it is in the queue; what waits for a Worker is elsewhere. */
export function isQueued({ recipients }: Message): boolean {
  return recipients.some(({ status, recipient, destination }) => status === "sent" && Boolean(recipient ?? destination));
}

/** How it stands for all recipients: "2 delivered, 1 on its way". */
export function standing({ recipients }: Pick<Message, "recipients">): string {
  const many = new Map<string, number>();
  for (const { status } of recipients) many.set(status, (many.get(status) ?? 0) + 1);
  const words = [...many].map(([status, count]) => {
    const name = statusName(status);
    return recipients.length === 1 ? name : `${count} ${name.toLowerCase()}`;
  });
  return words.join(", ");
}
