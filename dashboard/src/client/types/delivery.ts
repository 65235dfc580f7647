// The queue and the engine, for operators.

export interface Sums {
  readonly entries: number;
  readonly due: number;
  readonly oldest: string | null;
  readonly next_due: string | null;
}

export interface Group extends Sums {
  readonly name: string;
}

/** What holds mail. */
export interface Held {
  /** One of the reasons that `why` gives for a message. */
  readonly reason: string;
  readonly detail: string;
  readonly until: string | null;
}

/** Entries that go to one domain, and what holds most of those that wait. */
export interface DomainGroup extends Group, Held {
  /** Empty while that is not known. */
  readonly site: string;
  readonly in_flight: number;
}

export interface SiteGroup extends Group {
  readonly provider: string;
  readonly connections: number;
  readonly hold: string | null;
  readonly sources: readonly SiteSource[];
}

/** The connections from a source to a site. */
export interface SiteSource {
  readonly source: string;
  readonly connections: number;
  readonly opening: number;
  readonly idle: number;
  readonly ready: number;
  readonly allowed: number;
  /** Most connections that the site was seen to allow. */
  readonly cap: number | null;
  readonly messages_per_connection: number;
  readonly taken_per_minute: number;
  readonly dead_until: string | null;
  readonly hold: Held | null;
  readonly rules: readonly ActingRule[];
}

export interface ActingRule {
  readonly rule: string;
  readonly does: string;
  readonly until: string;
  readonly times: number;
}

export interface SourceGroup {
  readonly name: string;
  readonly addresses: readonly string[];
  readonly ready: number;
  readonly connections: number;
  readonly left_today: number | null;
  readonly usable: boolean;
}

export interface QueueSummary {
  readonly totals: Sums;
  readonly domain_count: number;
  readonly domains: readonly DomainGroup[];
  readonly sites: readonly SiteGroup[];
  readonly sources: readonly SourceGroup[];
  readonly tenants: readonly Group[];
}

export interface EntryRow {
  readonly id: string;
  readonly domain: string;
  readonly tenant: string | null;
  readonly pool: string | null;
  readonly priority: string;
  readonly recipients: number;
  readonly attempts: number;
  readonly accepted: string;
  readonly due: string;
  readonly scheduled: boolean;
  readonly last: string | null;
}

/** What an order did. */
export interface OrderResult {
  readonly changed: number;
  readonly in_flight: number;
}

export interface Suspension {
  readonly scope: string;
  readonly until: string | null;
  readonly reason: string;
  readonly by: string;
  readonly created: string;
}

export interface ExplainedValue {
  readonly key: string;
  readonly value: string;
  readonly layer: string;
  readonly note?: string;
}

export interface ExplainedRule {
  readonly name: string;
  readonly rule: string;
  readonly layer: string;
  readonly note?: string;
}

export interface Explanation {
  readonly domain: string | null;
  readonly mx_hosts: readonly string[];
  readonly source: string | null;
  readonly provider: string;
  readonly values: readonly ExplainedValue[];
  readonly rules: readonly ExplainedRule[];
}

/** Something that the engine did by itself. */
export interface AutomaticAction {
  readonly at: string;
  readonly site: string;
  readonly source: string | null;
  readonly tenant: string | null;
  readonly action: string;
  readonly cause: string;
  readonly until: string | null;
}

export interface ReplayReport {
  readonly fired: readonly {
    readonly rule: string;
    readonly action: string;
    readonly site: string;
    readonly source: string;
    readonly at: number;
    readonly until: number;
  }[];
  readonly sites: readonly ReplayedSite[];
}

export interface ReplayedSite {
  readonly provider: string;
  readonly site: string;
  readonly source: string;
  readonly attempts: number;
  readonly delivered: number;
  readonly held_back: number;
  readonly longest_delay: string;
  readonly spared: number;
  readonly postponed: number;
}
