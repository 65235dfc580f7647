//! The metrics this crate records. Each comment is also what Prometheus is told (`# HELP`), and what
//! `docs/metrics.md` says. Labels are bounded: providers, sources, classes and actions are as many as the
//! configuration and the code name; no label holds a domain or an address.

use mailwright_storage::declare_metrics;
use metrics::{counter, gauge, histogram};

declare_metrics! {
    /// Messages we took responsibility for, by origin.
    counter ACCEPTED = "mailwright_messages_accepted_total";
    /// Messages refused at the door, by reason. busy, disk_full and storage are for want of room or strength.
    counter REFUSED = "mailwright_messages_refused_total";
    /// Recipients whose server took the message.
    counter DELIVERED = "mailwright_recipients_delivered_total";
    /// Recipients given up, because a reply was final or their message grew too old.
    counter BOUNCED = "mailwright_recipients_bounced_total";
    /// Recipient attempts that failed for now.
    counter DEFERRED = "mailwright_deliveries_deferred_total";
    /// Recipient attempts, by outcome (delivered, deferred, bounced), class of the reply, provider and source.
    counter RESULTS = "mailwright_delivery_results_total";
    /// Seconds from acceptance to the end of the first attempt, by priority.
    histogram TIME_TO_FIRST_ATTEMPT = "mailwright_first_attempt_seconds";
    /// Seconds from acceptance to a recipient's delivery, by provider.
    histogram TIME_TO_DELIVERY = "mailwright_delivery_seconds";
    /// Deliveries handed to a connection and not settled.
    gauge IN_FLIGHT = "mailwright_deliveries_in_flight";
    /// Entries committed and not yet with their destination: mail is refused for now above 50,000.
    gauge BACKLOG = "mailwright_delivery_backlog_entries";
    /// Entries that wait in memory for a connection, over all destinations; the rest is on disk.
    gauge READY = "mailwright_queue_ready_entries";
    /// Seconds since the oldest queued message was accepted; 0 when none is queued.
    gauge OLDEST = "mailwright_queue_oldest_seconds";
    /// Destination domains that the engine knows to have work, by state: active, waiting for a place among the active
    /// ones (delivery.max_active_domains), or resting until they may be tried again.
    gauge DOMAINS = "mailwright_domains";
    /// Destination domains with queued mail, counted once a minute.
    gauge QUEUED_DOMAINS = "mailwright_queue_domains";
    /// TCP connections to receivers that were established, by family.
    counter CONNECTIONS_OPENED = "mailwright_connections_opened_total";
    /// Connections that did not come to a session ready for mail with any host of a site, by provider.
    counter CONNECTIONS_FAILED = "mailwright_connections_failed_total";
    /// Addresses that could not be connected to, by family.
    counter CONNECTS_FAILED = "mailwright_connects_failed_total";
    /// Deliveries begun on a connection that had carried one before.
    counter CONNECTIONS_REUSED = "mailwright_connections_reused_total";
    /// Connections to receivers, those being made included.
    gauge CONNECTIONS_OPEN = "mailwright_connections_open";
    /// Connections for which one address family failed and the other worked.
    counter FALLBACKS = "mailwright_family_fallbacks_total";
    /// TLS sessions with receivers, by version, whether an earlier one was resumed, and why so much was asked.
    counter TLS_SESSIONS = "mailwright_tls_sessions_total";
    /// Sessions with receivers that failed for want of TLS, by why so much was asked.
    counter TLS_FAILED = "mailwright_tls_failed_total";
    /// Times that a site began to wait before a message or connection, by cause and provider.
    counter THROTTLED = "mailwright_throttled_total";
    /// What the engine did by itself, by provider and action; the event log has each with its cause.
    counter AUTOMATIC_ACTIONS = "mailwright_automatic_actions_total";
    /// Questions put to the name servers, by kind.
    counter DNS_QUESTIONS = "mailwright_dns_questions_total";
    /// Questions answered without asking, because an answer was known or on its way, by kind.
    counter DNS_REMEMBERED = "mailwright_dns_remembered_total";
    /// Questions put to the name servers that got no usable answer, by kind.
    counter DNS_FAILED = "mailwright_dns_failed_total";
    /// Seconds until the name servers answered, or were given up, by kind.
    histogram DNS_SECONDS = "mailwright_dns_seconds";
    /// Seconds that a message waited in an actor's mailbox, tried once a second, by actor.
    histogram MAILBOX_SECONDS = "mailwright_actor_mailbox_seconds";
    /// Seconds by which timers fire late on an event loop, tried four times a second, by arbiter.
    histogram ARBITER_LATE = "mailwright_arbiter_late_seconds";
    /// Actors alive, by actor.
    gauge ACTORS = "mailwright_actors";
    /// Actors restarted after they ended unasked, by actor.
    counter RESTARTS = "mailwright_actor_restarts_total";
    /// Looks at the DNS of sending domains, by what was found.
    counter DOMAIN_CHECKS = "mailwright_sending_domain_checks_total";
    /// Looks at the DNS of routing zones, by what was found.
    counter ROUTING_CHECKS = "mailwright_routing_zone_checks_total";
    /// Attempts to log in on submission listeners, by result.
    counter LOGINS = "mailwright_smtp_logins_total";
    /// What came back at return paths and by links to unsubscribe, by kind (bounce, news, complaint, unsubscribe, reply,
    /// other, address) and result: applied, ignored, forged, unknown (the message is not known any more) or unmatched
    /// (no recipient of it is named).
    counter RETURN_PATH = "mailwright_return_path_total";
    /// Calls of webhooks, by outcome (delivered, failed, gone).
    counter WEBHOOK_CALLS = "mailwright_webhook_calls_total";
    /// Seconds that a call of a webhook took, from look-up to answer or failure.
    histogram WEBHOOK_SECONDS = "mailwright_webhook_call_seconds";
    /// Webhooks disabled because they answered 410 (gone) or failed for longer than webhooks.disable_after (failing).
    counter WEBHOOKS_DISABLED = "mailwright_webhooks_disabled_total";
    /// When the first certificate that a section of the configuration names, or that acme got, stops being valid, in
    /// seconds since the epoch; 0 where there is none.
    gauge CERTIFICATE_END = "mailwright_certificate_end_timestamp_seconds";
    /// Names that certificates are got for, by state: held, or missing while there is none that is valid.
    gauge ACME_NAMES = "mailwright_acme_names";
    /// Orders of certificates, by result: issued, refused by the authority for their name, or failed for want of an answer.
    counter ACME_ORDERS = "mailwright_acme_orders_total";
    /// Requests to the policy host of MTA-STS, by answer: the policy, or that there is none.
    counter POLICY_REQUESTS = "mailwright_policy_host_requests_total";
    /// Clients connected to our SMTP listeners, by listener.
    gauge SMTP_SESSIONS = "mailwright_smtp_sessions";
}

/// Tells the recorder, which must be installed, what the metrics mean, and begins the series whose labels are
/// known: an alarm on a counter that rises for the first time needs to have seen it at zero.
pub fn describe() {
    describe_all();
    for name in [DELIVERED, BOUNCED, DEFERRED, CONNECTIONS_REUSED] {
        counter!(name).increment(0);
    }
    for name in [IN_FLIGHT, BACKLOG, READY, OLDEST, QUEUED_DOMAINS, CONNECTIONS_OPEN] {
        gauge!(name).set(0.0);
    }
    begin(ACCEPTED, "origin", &["api", "relay", "submission", "report"]);
    begin(
        REFUSED,
        "reason",
        &["busy", "disk_full", "storage", "signing", "recipients", "changes", "hint", "limit", "recipient"],
    );
    begin(CONNECTIONS_OPENED, "family", &["ipv4", "ipv6"]);
    begin(CONNECTS_FAILED, "family", &["ipv4", "ipv6"]);
    begin(TLS_FAILED, "why", &["configuration", "mta-sts", "dane", "requiretls", "tls-not-required"]);
    for state in ["active", "waiting", "resting"] {
        gauge!(DOMAINS, "state" => state).set(0.0);
    }
    for checks in [DOMAIN_CHECKS, ROUTING_CHECKS] {
        begin(checks, "state", &["ready", "unconfigured", "misconfigured", "unknown"]);
    }
    for section in ["submission", "inbound", "policy_host", "acme"] {
        gauge!(CERTIFICATE_END, "section" => section).set(0.0);
    }
    for state in ["held", "missing"] {
        gauge!(ACME_NAMES, "state" => state).set(0.0);
    }
    begin(ACME_ORDERS, "result", &["issued", "refused", "failed"]);
    begin(POLICY_REQUESTS, "answer", &["policy", "none"]);
    begin(RESTARTS, "actor", &["domain", "site"]);
    begin(LOGINS, "result", &["accepted", "refused"]);
    for (kind, result) in [
        ("bounce", "applied"),
        ("complaint", "applied"),
        ("unsubscribe", "applied"),
        ("address", "forged"),
        ("complaint", "forged"),
        ("unsubscribe", "forged"),
    ] {
        counter!(RETURN_PATH, "kind" => kind, "result" => result).increment(0);
    }
    begin(WEBHOOK_CALLS, "outcome", &["delivered", "failed", "gone"]);
    begin(WEBHOOKS_DISABLED, "cause", &["gone", "failing"]);
    let _registered = histogram!(WEBHOOK_SECONDS);
    for (from, to) in [("ipv4", "ipv6"), ("ipv6", "ipv4")] {
        counter!(FALLBACKS, "from" => from, "to" => to).increment(0);
    }
    for priority in ["high", "normal", "bulk"] {
        let _registered = histogram!(TIME_TO_FIRST_ATTEMPT, "priority" => priority);
    }
}

fn begin(name: &'static str, label: &'static str, values: &[&'static str]) {
    for value in values {
        counter!(name, label => *value).increment(0);
    }
}
