// What domains publish about their mail, and what was found there.

export type RecordType = "MX" | "TXT" | "CNAME";

/** Where a record stands: as it should be, missing, something else in its place, or no answer. */
export type RecordState = "locked" | "not_found" | "conflict" | "unknown";

export interface DnsRecord {
  readonly type: RecordType;
  readonly name: string;
  readonly content: string;
  readonly priority?: number;
  readonly ttl: number;
}

export interface RecordStatus extends DnsRecord {
  readonly state: RecordState;
  /** What stands at the name now, of the record's type. */
  readonly found: readonly string[];
}

export type DomainState = "ready" | "unconfigured" | "misconfigured" | "unknown";

export interface Finding {
  readonly area: string;
  readonly code: string;
  readonly severity: "note" | "warning" | "error";
  /** The name or address concerned. */
  readonly name: string;
  /** What is wrong and what to do. */
  readonly message: string;
}

export interface DmarcFacts {
  readonly name: string | null;
  readonly organizational_domain: string | null;
  readonly policy: string | null;
  readonly record: string | null;
  readonly dkim_aligned: boolean;
  readonly spf_aligned: boolean;
}

export interface MailHosts {
  readonly hosts: readonly { readonly host: string; readonly preference: number; readonly addresses: readonly string[] }[];
  readonly unknown: boolean;
}

interface Report {
  readonly state: DomainState;
  readonly records: readonly RecordStatus[];
  readonly findings: readonly Finding[];
  readonly dmarc: DmarcFacts;
}

export interface DomainReport extends Report {
  readonly domain: string;
  readonly return_path: MailHosts;
}

export interface RoutingReport extends Report {
  readonly zone: string;
  readonly names: readonly { readonly name: string; readonly mx: MailHosts; readonly spf_lookups: number }[];
}

/** What the last look at the DNS found. */
export interface DomainCheck {
  readonly checked_on: string | null;
  readonly verified: string | null;
  readonly report: DomainReport | null;
}

export interface RoutingCheck {
  readonly checked_on: string | null;
  readonly report: RoutingReport | null;
}

export interface RecordChanges {
  readonly changes: readonly {
    readonly change: "added" | "removed";
    readonly type: RecordType;
    readonly name: string;
    readonly content: string;
  }[];
  /** What others published, which does as well. */
  readonly kept?: readonly DnsRecord[];
}

export interface MailRecord {
  readonly id?: string;
  readonly type: string;
  readonly name: string;
  readonly content: string;
  readonly resolved?: readonly string[];
}

export interface DmarcReporting {
  readonly enabled: boolean;
  readonly rua?: string;
  /** What is wrong with where reports go. */
  readonly status?: string;
  readonly approved_sources?: readonly { readonly domain: string; readonly ips: readonly string[] }[];
  readonly records: Readonly<Record<string, readonly MailRecord[]>>;
}

export interface SpfComponent {
  readonly text: string;
  readonly lookups: number;
  readonly ignored: boolean;
  readonly addresses?: readonly string[];
  readonly inspection?: SpfInspection;
}

export interface SpfInspection {
  readonly domain: string;
  readonly record: string;
  readonly components: readonly SpfComponent[];
  readonly total_lookups: number;
  readonly errors?: readonly { readonly code: string; readonly domain: string; readonly message: string }[];
}

/** What receivers see of a domain by its own DNS. */
export interface DomainExamination {
  readonly sending: DomainReport;
  readonly routing: RoutingReport | null;
  /** Of the return path. */
  readonly spf: SpfInspection;
  /** The hosts that take mail for the domain itself. */
  readonly mx: MailHosts;
  readonly receiving: {
    readonly mta_sts: { readonly id: string | null; readonly mode: string | null; readonly mx: readonly string[] };
    readonly tls_rpt: readonly string[];
    readonly dane: { readonly hosts: readonly { readonly host: string; readonly records: number }[] };
    readonly bimi: { readonly record: string | null; readonly logo: string | null; readonly evidence: string | null };
  };
  readonly findings: readonly Finding[];
}

export interface DmarcSource {
  readonly source_ip: string | null;
  readonly name: string | null;
  readonly total: number;
  readonly aligned: number;
  readonly dkim_aligned: number;
  readonly spf_aligned: number;
  readonly disposition: { readonly none: number; readonly quarantine: number; readonly reject: number };
  readonly first_day: string;
  readonly last_day: string;
}

export interface DmarcReport {
  readonly organization: string;
  readonly report_id: string;
  readonly domain: string;
  readonly policy: string;
  readonly begin: string;
  readonly end: string;
  readonly received: string;
  readonly total: number;
  readonly aligned: number;
}

export interface TlsSessions {
  readonly day: string;
  readonly policy_type: string;
  readonly result_type: string;
  readonly sessions: number;
}
