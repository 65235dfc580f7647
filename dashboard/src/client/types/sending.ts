// Domains that send, and whom they do not send to.

export interface DkimKey {
  readonly selector: string;
  readonly algorithm: string;
  readonly stage: "waiting" | "signing" | "retiring";
  readonly since: string;
}

export interface SendingDomain {
  readonly tag: string;
  /** The domain, with `*.` for a wildcard. */
  readonly name: string;
  readonly enabled: boolean;
  readonly verified: string | null;
  readonly return_path_domain: string;
  readonly dkim_selector: string | null;
  readonly dkim_keys: readonly DkimKey[];
  readonly drop_suppressed_recipients: boolean;
  readonly preview_enabled: boolean;
  readonly created: string;
  readonly modified: string;
}

export interface SendingZone {
  readonly id: string;
  readonly name: string;
  readonly enabled: boolean;
  readonly status: "unconfigured" | "misconfigured" | "ready";
}

export interface SendingSettings extends SendingZone {
  readonly subdomains: readonly SendingDomain[];
}

export interface SendResult {
  readonly message_id: string;
  readonly delivered: readonly string[];
  readonly queued: readonly string[];
  readonly permanent_bounces: readonly string[];
  readonly suppressed_recipients: readonly string[];
}

export interface SuppressionScope {
  readonly type: "account" | "sending_domain";
  readonly value?: string;
}

export interface Suppression {
  readonly id: string;
  readonly email: string;
  readonly reason: string;
  readonly scope: SuppressionScope;
  readonly created_at: string;
  readonly expires_at: string | null;
  readonly note: string | null;
  /** Only the service may change it. */
  readonly read_only: boolean;
}

export interface NewSuppression {
  readonly email: string;
  readonly expires_at?: string;
  readonly note?: string;
  readonly scope?: SuppressionScope;
}

export interface BulkReport {
  readonly total: number;
  readonly processed: number;
  readonly skipped: number;
  readonly invalid: number;
  readonly deduplicated: number;
  readonly items: readonly BulkItem[];
}

export interface BulkItem {
  /** Its place in the request, from 0. */
  readonly index: number;
  readonly status: "processed" | "skipped" | "invalid";
  readonly email: string | null;
  readonly error?: string;
}
