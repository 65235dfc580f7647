// Messages, their recipients, and what happened to them.

/** Which way mail goes. */
export type Direction = "sending" | "routing";

interface MessageHead {
  readonly id: string;
  readonly account_id: string | null;
  readonly zone_id: string | null;
  /** Without the angle brackets; empty if it has none. */
  readonly message_id: string;
  readonly from: string;
  readonly envelope_from: string;
  readonly sending_domain: string;
  readonly subject: string | null;
  /** Octets. */
  readonly size: number;
  readonly accepted_at: string;
  /** Of mail that is sent. */
  readonly campaign?: string | null;
  readonly origin?: string;
  /** Of mail from the world. */
  readonly client_address?: string | null;
  readonly helo?: string | null;
  readonly spf?: string | null;
  readonly dkim?: string | null;
  readonly dmarc?: string | null;
  readonly arc?: string | null;
  readonly spam_score?: number | null;
}

/** How a recipient stands. */
export interface RecipientState {
  readonly status: string;
  /** Class of the last failure; empty if there was none. */
  readonly class: string;
  readonly code: string;
  readonly reply: string;
  readonly attempts: number;
  readonly next_attempt_at: string | null;
  readonly updated_at: string;
  readonly bounced_late: boolean;
  /** Of mail that is sent. */
  readonly recipient?: string;
  readonly complained_at?: string | null;
  readonly unsubscribed_at?: string | null;
  /** Of mail from the world: the address of ours, and where it goes on to. */
  readonly to?: string | null;
  readonly destination?: string | null;
}

/** A line of the activity log: one recipient of one message. */
export interface Line extends MessageHead, RecipientState {}

export interface Message extends MessageHead {
  readonly recipient_count: number;
  readonly preview?: string | null;
  readonly recipients: readonly RecipientState[];
}

/** Something that happened to a message. */
export interface Happening {
  readonly at: string;
  readonly event: string;
  readonly text: string;
  readonly status?: string;
  readonly recipients?: readonly string[];
  readonly to?: readonly string[];
  readonly attempt?: number;
  readonly host?: string;
  readonly address?: string;
  readonly tls?: string;
  readonly source?: string;
  readonly verdict?: "delivered" | "deferred" | "bounced";
  readonly class?: string;
  readonly code?: string;
  readonly reply?: string;
  readonly duration_ms?: number;
  readonly next_attempt_at?: string;
  readonly next_attempt_reason?: string;
}

/** One of a stream: with what tells messages apart. */
export interface LiveHappening extends Happening {
  readonly id: string;
  readonly message_id: string;
  readonly from: string;
  readonly subject: string | null;
}

/** What holds mail of a message for one destination. */
export interface Holding {
  readonly domain: string;
  readonly recipients: number;
  readonly reason: string;
  readonly detail: string;
  readonly until: string | null;
}
