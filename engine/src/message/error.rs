//! Why a message cannot be sent.

use std::fmt;

/// A refused send: the code a program looks at, the field at fault and a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct SendError {
    /// What kind of refusal this is.
    pub code: SendErrorCode,
    /// The request field at fault as a path, such as `attachments[0].filename`; empty when it is none.
    pub field: String,
    /// What is wrong and what would be right, in one sentence.
    pub message: String,
}

impl SendError {
    /// A refusal because of `field`.
    pub fn new(code: SendErrorCode, field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code, field: field.into(), message: message.into() }
    }
}

/// The published error codes of sending; `Display` prints them as clients know them (`E_FIELD_MISSING`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SendErrorCode {
    /// Something in the request is malformed.
    ValidationError,
    /// A required field is missing or empty.
    FieldMissing,
    /// More than 50 recipients.
    TooManyRecipients,
    /// The sender's domain is not verified.
    SenderNotVerified,
    /// The recipient is not on the list of allowed destinations.
    RecipientNotAllowed,
    /// The recipient is on the suppression list.
    RecipientSuppressed,
    /// The sender's domain is not set up for sending.
    SenderDomainNotAvailable,
    /// The message is too large.
    ContentTooLarge,
    /// The message could not be delivered.
    DeliveryFailed,
    /// Too many sends in a short time.
    RateLimitExceeded,
    /// Too many sends today.
    DailyLimitExceeded,
    /// A fault of ours.
    InternalServerError,
    /// A header that the platform writes, or that is not on the list of permitted ones.
    HeaderNotAllowed,
    /// A header that has a request field of its own.
    HeaderUseApiField,
    /// A header value that is empty or malformed.
    HeaderValueInvalid,
    /// A header value above 2,048 bytes.
    HeaderValueTooLong,
    /// A header name with a character that may not be in one, or above 100 bytes.
    HeaderNameInvalid,
    /// Custom headers above 16 KB in all.
    HeadersTooLarge,
    /// More than 20 custom headers that are not `X-` headers.
    HeadersTooMany,
}

impl SendErrorCode {
    /// The code as clients see it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ValidationError => "E_VALIDATION_ERROR",
            Self::FieldMissing => "E_FIELD_MISSING",
            Self::TooManyRecipients => "E_TOO_MANY_RECIPIENTS",
            Self::SenderNotVerified => "E_SENDER_NOT_VERIFIED",
            Self::RecipientNotAllowed => "E_RECIPIENT_NOT_ALLOWED",
            Self::RecipientSuppressed => "E_RECIPIENT_SUPPRESSED",
            Self::SenderDomainNotAvailable => "E_SENDER_DOMAIN_NOT_AVAILABLE",
            Self::ContentTooLarge => "E_CONTENT_TOO_LARGE",
            Self::DeliveryFailed => "E_DELIVERY_FAILED",
            Self::RateLimitExceeded => "E_RATE_LIMIT_EXCEEDED",
            Self::DailyLimitExceeded => "E_DAILY_LIMIT_EXCEEDED",
            Self::InternalServerError => "E_INTERNAL_SERVER_ERROR",
            Self::HeaderNotAllowed => "E_HEADER_NOT_ALLOWED",
            Self::HeaderUseApiField => "E_HEADER_USE_API_FIELD",
            Self::HeaderValueInvalid => "E_HEADER_VALUE_INVALID",
            Self::HeaderValueTooLong => "E_HEADER_VALUE_TOO_LONG",
            Self::HeaderNameInvalid => "E_HEADER_NAME_INVALID",
            Self::HeadersTooLarge => "E_HEADERS_TOO_LARGE",
            Self::HeadersTooMany => "E_HEADERS_TOO_MANY",
        }
    }
}

impl fmt::Display for SendErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
