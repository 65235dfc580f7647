// What a message says.

export interface Header {
  readonly name: string;
  readonly value: string;
}

export interface Attachment {
  readonly filename: string | null;
  readonly content_type: string;
  /** Octets. */
  readonly size: number;
  readonly disposition: string | null;
  readonly content_id: string | null;
}

export interface Content {
  /** Where it was read: from the queue, where it waits; from what was kept of it; from the sandbox. */
  readonly source: "queue" | "kept" | "sandbox";
  readonly headers: readonly Header[];
  readonly text: string | null;
  readonly html: string | null;
  readonly attachments: readonly Attachment[];
  /** Octets of the whole. */
  readonly size: number;
  /** Whether less is here than there was. */
  readonly truncated: boolean;
}
