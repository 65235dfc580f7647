//! Names of the metrics this crate records. Labels are bounded: providers, sources, classes and actions are as many
//! as the configuration names.

/// Messages we took responsibility for, by `origin` (counter).
pub const ACCEPTED: &str = "mailwright_messages_accepted_total";
/// Messages refused for want of room or strength, by `reason` (counter).
pub const REFUSED: &str = "mailwright_messages_refused_total";
/// Recipients whose server took the message (counter).
pub const DELIVERED: &str = "mailwright_recipients_delivered_total";
/// Recipients given up (counter).
pub const BOUNCED: &str = "mailwright_recipients_bounced_total";
/// Recipient attempts that ended in another attempt later (counter).
pub const DEFERRED: &str = "mailwright_deliveries_deferred_total";
/// Recipient attempts, by `outcome`, `class`, `provider` and `source` (counter).
pub const RESULTS: &str = "mailwright_delivery_results_total";
/// Seconds from acceptance to the end of the first attempt (histogram).
pub const TIME_TO_FIRST_ATTEMPT: &str = "mailwright_first_attempt_seconds";
/// Seconds from acceptance to a recipient's delivery (histogram).
pub const TIME_TO_DELIVERY: &str = "mailwright_delivery_seconds";
/// Deliveries handed to a connection and not settled (gauge).
pub const IN_FLIGHT: &str = "mailwright_deliveries_in_flight";
/// Entries waiting in memory, over all domains (gauge).
pub const READY: &str = "mailwright_queue_ready_entries";
/// Seconds the oldest queued message has waited (gauge).
pub const OLDEST: &str = "mailwright_queue_oldest_seconds";
/// Destination domains with queued mail (gauge).
pub const QUEUED_DOMAINS: &str = "mailwright_queue_domains";
/// SMTP connections opened, by `family` (counter).
pub const CONNECTIONS_OPENED: &str = "mailwright_connections_opened_total";
/// SMTP connections that could not be established, by `provider` (counter).
pub const CONNECTIONS_FAILED: &str = "mailwright_connections_failed_total";
/// Addresses that could not be connected to, by `family` (counter).
pub const CONNECTS_FAILED: &str = "mailwright_connects_failed_total";
/// Deliveries begun on a connection that had carried one before (counter).
pub const CONNECTIONS_REUSED: &str = "mailwright_connections_reused_total";
/// Open SMTP connections (gauge).
pub const CONNECTIONS_OPEN: &str = "mailwright_connections_open";
/// One address family failed and the other worked, by `from` and `to` (counter).
pub const FALLBACKS: &str = "mailwright_family_fallbacks_total";
/// TLS sessions, by `version`, `resumed` and who asked for it (`why`) (counter).
pub const TLS_SESSIONS: &str = "mailwright_tls_sessions_total";
/// TLS sessions that failed, by who asked for it (`why`) (counter).
pub const TLS_FAILED: &str = "mailwright_tls_failed_total";
/// Times that a site had to wait, by `cause` (counter).
pub const THROTTLED: &str = "mailwright_throttled_total";
/// What the engine did by itself, by `provider` and `action` (counter).
pub const AUTOMATIC_ACTIONS: &str = "mailwright_automatic_actions_total";
/// Questions that were put to the resolver, by `kind` (counter).
pub const DNS_QUESTIONS: &str = "mailwright_dns_questions_total";
/// Questions that were answered from memory, by `kind` (counter).
pub const DNS_REMEMBERED: &str = "mailwright_dns_remembered_total";
/// Questions without a usable answer, by `kind` (counter).
pub const DNS_FAILED: &str = "mailwright_dns_failed_total";
/// Seconds until the resolver answered, by `kind` (histogram).
pub const DNS_SECONDS: &str = "mailwright_dns_seconds";
/// Messages that wait in an actor's mailbox, over all actors of a kind, by `actor` (gauge).
pub const MAILBOX: &str = "mailwright_actor_mailbox";
/// Actors alive, by `actor` (gauge).
pub const ACTORS: &str = "mailwright_actors";
/// Actors restarted after they ended unasked, by `actor` (counter).
pub const RESTARTS: &str = "mailwright_actor_restarts_total";
/// Attempts to log in on submission listeners, by `result`, `accepted` or `refused` (counter).
pub const LOGINS: &str = "mailwright_smtp_logins_total";
/// Clients connected to our SMTP listeners, by `listener` (gauge).
pub const SMTP_SESSIONS: &str = "mailwright_smtp_sessions";
