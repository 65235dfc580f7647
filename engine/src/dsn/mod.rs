//! Delivery status notifications: asking for them (RFC 3461), deciding on them, writing and reading them
//! (RFC 3464, RFC 6522, RFC 6533).
//!
//! A client says with MAIL and RCPT what it wants to be told ([`DsnRequest`], [`RecipientDsn`]); the SMTP
//! client passes that on to servers that offer DSN. For everybody else [`ReportPolicy`] says whether a report
//! is due, [`Report`] writes it, and [`read_report`] reads those of others.

mod policy;
mod read;
mod report;
mod request;
mod xtext;

pub(crate) use read::find_status;

pub use policy::{DelayWarning, DsnDuty, ReportEvent, ReportPolicy};
pub use read::{
    Action, DeliveryStatus, ReadReportError, RecipientStatus, TypedText, read_delivery_status, read_report,
};
pub use report::{MAX_RETURNED, RemoteMta, Report, ReportKind, ReportMail, ReportedRecipient};
pub use request::{
    DsnRequest, EnvelopeId, InvalidEnvelopeId, InvalidOriginalRecipient, Notify, OriginalRecipient,
    RecipientDsn, Ret,
};
