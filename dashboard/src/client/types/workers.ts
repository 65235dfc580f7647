// People's own code for their mail, and what it keeps.

export interface Worker {
  readonly id: string;
  readonly created_on: string;
  readonly modified_on: string;
  readonly handlers: readonly string[];
  readonly compatibility_date: string | null;
  readonly compatibility_flags: readonly string[];
  readonly last_deployed_from: string | null;
}

export interface Binding {
  readonly name: string;
  readonly type: string;
  readonly [more: string]: unknown;
}

export interface WorkerSettings {
  readonly bindings?: readonly Binding[];
  readonly compatibility_date?: string;
  readonly compatibility_flags?: readonly string[];
  readonly limits?: { readonly cpu_ms?: number };
}

export interface Version {
  readonly id: string;
  readonly number: number;
  readonly annotations: Readonly<Record<string, string>>;
  readonly metadata: { readonly created_on: string; readonly author_email: string; readonly source: string };
}

export interface Deployment {
  readonly id: string;
  readonly created_on: string;
  readonly author_email: string;
  readonly source: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly versions: readonly { readonly version_id: string; readonly percentage: number }[];
}

export interface Secret {
  readonly name: string;
  readonly type: string;
}

export interface WorkerQueue {
  readonly queue_id: string;
  readonly queue_name: string;
  readonly settings: {
    readonly delivery_delay: number;
    readonly delivery_paused: boolean;
    readonly message_retention_period: number;
  };
  readonly producers: readonly { readonly script: string }[];
  readonly consumers: readonly {
    readonly script: string;
    readonly dead_letter_queue: string | null;
    readonly settings: { readonly batch_size: number; readonly max_retries: number };
  }[];
}

export interface Backlog {
  readonly backlog_count: number;
  readonly backlog_bytes: number;
  /** Milliseconds since 1970; 0 if there is none. */
  readonly oldest_message_timestamp_ms: number;
}

export interface Namespace {
  readonly id: string;
  readonly title: string;
}

export interface KvKey {
  readonly name: string;
  /** Seconds since 1970. */
  readonly expiration?: number;
  readonly metadata?: unknown;
}

export interface Tail {
  readonly id: string;
  readonly url: string;
}

/** An event of a Worker, as tails tell it (`trace-v1`). */
export interface Run {
  readonly outcome: string;
  readonly scriptName: string | null;
  readonly scriptVersion?: { readonly id: string };
  readonly eventTimestamp: number | null;
  readonly wallTime?: number;
  readonly cpuTime?: number;
  readonly truncated: boolean;
  readonly event: Readonly<Record<string, unknown>>;
  readonly logs: readonly { readonly level: string; readonly timestamp: number; readonly message: readonly unknown[] }[];
  readonly exceptions: readonly { readonly name: string; readonly message: string; readonly timestamp: number }[];
}

export interface LocalRun {
  readonly outcome: string;
  readonly reply: string;
  readonly message_id: string | null;
  readonly worker: {
    readonly script: string;
    readonly outcome: string;
    readonly wall_ms: number;
    readonly logs: readonly string[];
    readonly exceptions: readonly string[];
  } | null;
}
