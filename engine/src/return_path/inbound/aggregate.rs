//! Statistics that have gone astray: reports for the owner of a domain, not about a message.

use super::{evidence::Evidence, model::StatisticsKind};
use crate::message::parts::Parts;

/// What kind of statistics a message is, if it is.
pub(super) fn read(parts: &Parts<'_>, evidence: &Evidence) -> Option<StatisticsKind> {
    let tls_types = ["application/tlsrpt+gzip", "application/tlsrpt+json"];
    if parts.report_type == "tlsrpt" || parts.find(&tls_types).is_some() {
        return Some(StatisticsKind::Tls);
    }
    // RFC 7489 section 7.2.1.1: "Report Domain: example.org Submitter: mx.example Report-ID: <1>".
    let subject = &evidence.subject;
    let named = subject.contains("report domain:") && subject.contains("submitter:");
    let packed = [
        "application/gzip",
        "application/zip",
        "application/x-zip-compressed",
        "text/xml",
        "application/xml",
    ];
    let is_aggregate = named && parts.find(&packed).is_some();
    is_aggregate.then_some(StatisticsKind::DmarcAggregate)
}
