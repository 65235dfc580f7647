//! Names of the metrics this crate records.

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
/// Seconds from acceptance to a recipient's delivery (histogram).
pub const TIME_TO_DELIVERY: &str = "mailwright_delivery_seconds";
/// Deliveries handed to a connection and not settled (gauge).
pub const IN_FLIGHT: &str = "mailwright_deliveries_in_flight";
/// SMTP connections opened, by `family` (counter).
pub const CONNECTIONS_OPENED: &str = "mailwright_connections_opened_total";
/// SMTP connections that could not be established (counter).
pub const CONNECTIONS_FAILED: &str = "mailwright_connections_failed_total";
/// Deliveries begun on a connection that had carried one before (counter).
pub const CONNECTIONS_REUSED: &str = "mailwright_connections_reused_total";
/// Open SMTP connections (gauge).
pub const CONNECTIONS_OPEN: &str = "mailwright_connections_open";
/// Actors restarted after they ended unasked, by `actor` (counter).
pub const RESTARTS: &str = "mailwright_actor_restarts_total";
/// Attempts to log in on submission listeners, by `result`, `accepted` or `refused` (counter).
pub const LOGINS: &str = "mailwright_smtp_logins_total";
/// Clients connected to our SMTP listeners, by `listener` (gauge).
pub const SMTP_SESSIONS: &str = "mailwright_smtp_sessions";
