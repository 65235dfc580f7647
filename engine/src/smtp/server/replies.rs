//! The replies the session gives by itself, ready for the wire.
//!
//! Constants rather than [`Reply`](crate::smtp::reply::Reply) values: a few are sent with every message.
//! 2yz, 4yz and 5yz carry an enhanced code (RFC 2034), save those to EHLO and HELO.

pub(super) const MAIL_OK: &str = "250 2.1.0 Ok\r\n";
pub(super) const RCPT_OK: &str = "250 2.1.5 Ok\r\n";
pub(super) const OK: &str = "250 2.0.0 Ok\r\n";
pub(super) const CANNOT_VERIFY: &str =
    "252 2.0.0 Cannot verify; will accept the message and try to deliver it\r\n";
pub(super) const HELP: &str =
    "214 2.0.0 Commands: EHLO HELO AUTH MAIL RCPT DATA BDAT RSET NOOP VRFY HELP STARTTLS QUIT (RFC 5321)\r\n";
pub(super) const START_DATA: &str = "354 End data with <CR><LF>.<CR><LF>\r\n";
pub(super) const START_TLS: &str = "220 2.0.0 Ready to start TLS\r\n";
pub(super) const AUTH_OK: &str = "235 2.7.0 Authentication succeeded\r\n";

pub(super) const TOO_MANY_ERRORS: &str = "421 4.7.0 Too many errors, closing\r\n";
pub(super) const NOT_HTTP: &str = "421 4.7.0 This is SMTP, not HTTP, closing\r\n";
pub(super) const TOO_MANY_RECIPIENTS: &str =
    "452 4.5.3 Too many recipients; send the rest in another message\r\n";

pub(super) const UNKNOWN_COMMAND: &str = "500 5.5.1 Command not recognized\r\n";
pub(super) const LINE_TOO_LONG: &str = "500 5.5.2 Line too long\r\n";
pub(super) const BARE_LINE_BREAK: &str = "500 5.5.2 Line holds a bare CR or LF (RFC 5321 section 2.3.8)\r\n";
pub(super) const NOT_UTF8: &str = "500 5.5.2 Line is not UTF-8\r\n";
pub(super) const BAD_SYNTAX: &str = "501 5.5.4 Syntax error in parameters or arguments\r\n";
pub(super) const RESPONSE_TOO_LONG: &str = "500 5.5.6 Authentication exchange line is too long\r\n";
pub(super) const AUTH_CANCELLED: &str = "501 5.7.0 Authentication cancelled\r\n";
pub(super) const BAD_RESPONSE: &str = "501 5.5.2 Not the base64 response that the mechanism asks for\r\n";
pub(super) const BAD_CHUNK_SIZE: &str =
    "501 5.5.4 Syntax: BDAT octets [LAST]; closing, where commands go on is unknown\r\n";
pub(super) const BAD_BODY: &str = "501 5.5.4 BODY must be 7BIT or 8BITMIME\r\n";
pub(super) const BAD_SENDER: &str = "501 5.1.7 Bad sender address syntax\r\n";
pub(super) const BAD_RECIPIENT: &str = "501 5.1.3 Bad recipient address syntax\r\n";
pub(super) const NOT_IMPLEMENTED: &str = "502 5.5.1 Command not implemented\r\n";
pub(super) const BAD_SEQUENCE: &str = "503 5.5.1 Bad sequence of commands\r\n";
pub(super) const UNKNOWN_MECHANISM: &str = "504 5.5.4 Mechanism not offered; use PLAIN or LOGIN\r\n";
pub(super) const AUTH_REQUIRED: &str = "530 5.7.0 Authentication required\r\n";
pub(super) const TLS_REQUIRED: &str = "530 5.7.0 Start TLS and log in first\r\n";
pub(super) const OTHER_IDENTITY: &str =
    "535 5.7.8 Nobody can act for another here; leave the first field empty\r\n";
pub(super) const ENCRYPTION_REQUIRED: &str = "538 5.7.11 Encryption required: start TLS before AUTH\r\n";
pub(super) const MESSAGE_TOO_LARGE: &str = "552 5.3.4 Message exceeds the size limit\r\n";
pub(super) const NON_ASCII_ADDRESS: &str = "553 5.6.7 Non-ASCII address without SMTPUTF8\r\n";
pub(super) const NON_ASCII_RECIPIENT: &str =
    "553 5.6.7 No address here has other than ASCII before the @; its domain may be internationalized\r\n";
pub(super) const NO_RECIPIENTS: &str = "554 5.5.1 No valid recipients\r\n";
/// X.6.0 (RFC 3463 section 3.7) is the only registered code for content that is wrong in itself.
pub(super) const BARE_LINE_BREAK_IN_CONTENT: &str = "554 5.6.0 Message holds a bare CR or LF and is refused as possible SMTP smuggling; lines end in CRLF (RFC 5321 section 2.3.8)\r\n";
/// As [`BARE_LINE_BREAK_IN_CONTENT`].
pub(super) const NUL_IN_CONTENT: &str = "554 5.6.0 Message holds a NUL octet (RFC 5322 section 4)\r\n";
pub(super) const UNKNOWN_PARAMETER: &str = "555 5.5.4 Parameter not recognized or not offered\r\n";
