// Where an account is told what became of its mail.

export interface Webhook {
  readonly id: string;
  readonly name: string;
  readonly url: string;
  /** Empty: all there are. */
  readonly events: readonly string[];
  readonly enabled: boolean;
  readonly disabled_reason: string | null;
  readonly disabled_at: string | null;
  readonly failing_since: string | null;
  readonly next_attempt_at: string | null;
  readonly waiting_events: number;
  readonly previous_secret_expires_at: string | null;
  readonly created: string;
  readonly modified: string;
  /** Only in the answer that makes it. */
  readonly secret?: string;
}

/** A call of a webhook. */
export interface WebhookAttempt {
  readonly at: string;
  readonly webhook_id: string;
  readonly events: number;
  readonly delivered: boolean;
  readonly status: number | null;
  readonly error: string | null;
  readonly response: string;
  readonly duration_ms: number;
}
