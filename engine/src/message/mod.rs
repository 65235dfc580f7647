//! Messages: what may be sent, how it is built, and what a ready-made one must look like.
//!
//! A [`SendRequest`] is validated, then built into the bytes that are signed and stored; a message that
//! comes ready-made (SMTP submission, raw sends) goes through [`check_raw`] instead. Either way the result
//! has CRLF line ends only, no NUL, no line above 998 octets, and the header fields RFC 5322 demands.

mod advice;
mod build;
mod content_type;
mod contents;
mod error;
mod fields;
mod headers;
pub mod hints;
mod lines;
pub mod lint;
mod model;
pub(crate) mod parts;
mod passed;
mod platform;
mod preview;
mod raw;
mod received;
mod redate;
mod summary;
mod validate;

pub use advice::{Advice, advice};
pub use build::{BuildContext, build, extension_fields};
pub use contents::{AttachedFile, Contents, attached_file, contents, first_html, html_alone, shown_headers};
pub use error::{SendError, SendErrorCode};
pub use fields::{Field, Fields, fields, split_header};
pub use lines::{is_8bit, to_crlf};
pub use model::{Attachment, Disposition, SendRequest};
pub use passed::{LOOP, hops, loop_field, went_on_from};
pub use platform::{
    ComplaintFields, FeedbackId, InvalidSenderId, PlatformFields, TlsReportFields, UnsubscribeFields,
};
pub use preview::preview;
pub use raw::{MAX_MESSAGE_BYTES, RawDefaults, RawMessage, author, check_raw};
pub use received::{ReceivedHeader, ReceivedWith};
pub use redate::redate;
pub use summary::{message_id, subject};
pub use validate::{MAX_CONTENT_BYTES, MAX_RECIPIENTS, MAX_SUBJECT_CHARS};
