// What the sandbox of `mailwright dev` received.

import type { Content } from "./content";

export interface ReceivedMessage {
  readonly id: string;
  readonly received_at: string;
  /** Empty for the null sender. */
  readonly mail_from: string;
  readonly recipients: readonly string[];
  readonly from: string | null;
  readonly subject: string | null;
  /** Octets. */
  readonly size: number;
}

/** Something that a message would be better without, or with. */
export interface MessageCheck {
  readonly id: string;
  readonly level: "error" | "warning" | "info";
  readonly text: string;
  readonly help: string;
}

export interface ReceivedContents extends ReceivedMessage, Content {
  readonly checks: readonly MessageCheck[];
}
