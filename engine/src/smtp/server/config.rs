//! What a listener offers and how much it puts up with.

/// Whether EHLO offers STARTTLS (RFC 3207) on a connection that is still in plain text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StartTls {
    /// Listed until TLS is established; the caller performs the handshake.
    Offered,
    /// Not listed, and refused.
    #[default]
    NotOffered,
}

/// Whether EHLO offers delivery status notifications (RFC 3461).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dsn {
    /// RET, ENVID, NOTIFY and ORCPT are parsed and handed on.
    Offered,
    /// Those parameters are refused as unknown.
    #[default]
    NotOffered,
}

/// Whether clients must prove who they are (RFC 4954).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Auth {
    /// MAIL is refused without a login. AUTH is offered under TLS, and in plain text only where
    /// [`ServerSession::allow_plain_auth`](super::ServerSession::allow_plain_auth) was called.
    Required,
    /// AUTH is not listed, and refused.
    #[default]
    NotOffered,
}

/// Whether EHLO offers REQUIRETLS (RFC 8689) under TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RequireTls {
    /// The parameter of MAIL is taken and handed on; whoever accepts the message must honour it.
    Offered,
    /// The parameter is refused as unknown.
    #[default]
    NotOffered,
}

/// Whether EHLO says what a client may ask for at most (LIMITS, RFC 9422).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Limits {
    /// RCPTMAX, from [`ServerConfig::max_recipients`]: a client that reads it sends the rest at once as another message.
    Offered,
    /// Clients find out by 452.
    #[default]
    NotOffered,
}

/// Which recipients may be named in UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Utf8Recipients {
    /// Any, if MAIL said SMTPUTF8 (RFC 6531 section 3.4).
    #[default]
    Taken,
    /// Those whose domain alone is not ASCII, with SMTPUTF8 or without: a domain has an ASCII form. Of the others it is
    /// said that there are none (553 with 5.6.7).
    DomainsOnly,
}

/// Settings of an SMTP listener, shared by its sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerConfig {
    /// Our name in the greeting and in replies, and the domain of a bare `postmaster`.
    pub hostname: String,
    /// What follows the name in the greeting.
    pub greeting: String,
    /// Largest message in octets, as decoded; told to clients by SIZE (RFC 1870).
    pub max_message_size: usize,
    /// Most recipients of one message; the next one is deferred with 452 (RFC 5321 section 4.5.3.1.10).
    pub max_recipients: usize,
    /// Longest command line in octets with its CRLF (RFC 5321 section 4.5.3.1.4).
    pub max_line: usize,
    /// The session is closed at this many protocol errors without an accepted message between them.
    pub max_errors: u32,
    /// Whether STARTTLS is offered.
    pub starttls: StartTls,
    /// Whether DSN parameters are taken.
    pub dsn: Dsn,
    /// Whether clients must log in.
    pub auth: Auth,
    /// Whether REQUIRETLS is offered.
    pub require_tls: RequireTls,
    /// Whether LIMITS is offered.
    pub limits: Limits,
    /// Which recipients may be named in UTF-8.
    pub utf8_recipients: Utf8Recipients,
    /// What makes the address of a refusal's explanation when the enhanced code is put after it, as
    /// `https://mail.example.com/postmaster#`; at most [`ServerConfig::MAX_HELP_URL`] printable ASCII characters.
    pub help_url: Option<String>,
}

impl ServerConfig {
    /// Default of [`ServerConfig::max_message_size`]: 25 MiB.
    pub const DEFAULT_MAX_MESSAGE_SIZE: usize = 25 << 20;
    /// Default of [`ServerConfig::max_recipients`]; RFC 5321 section 4.5.3.1.8 asks for 100 at least.
    pub const DEFAULT_MAX_RECIPIENTS: usize = 1_000;
    /// Default of [`ServerConfig::max_line`]: four times the 512 of RFC 5321, for parameters and UTF-8.
    pub const DEFAULT_MAX_LINE: usize = 2_048;
    /// Longest [`ServerConfig::help_url`] in octets: a reply line has 512 (RFC 5321 section 4.5.3.1.5).
    pub const MAX_HELP_URL: usize = 200;
    /// Default of [`ServerConfig::max_errors`].
    pub const DEFAULT_MAX_ERRORS: u32 = 20;

    /// The settings of a host with this name, everything else at its default.
    pub fn new(hostname: impl Into<String>) -> Self {
        Self {
            hostname: hostname.into(),
            greeting: "ESMTP mailwright".to_owned(),
            max_message_size: Self::DEFAULT_MAX_MESSAGE_SIZE,
            max_recipients: Self::DEFAULT_MAX_RECIPIENTS,
            max_line: Self::DEFAULT_MAX_LINE,
            max_errors: Self::DEFAULT_MAX_ERRORS,
            starttls: StartTls::NotOffered,
            dsn: Dsn::NotOffered,
            auth: Auth::NotOffered,
            require_tls: RequireTls::NotOffered,
            limits: Limits::NotOffered,
            utf8_recipients: Utf8Recipients::Taken,
            help_url: None,
        }
    }
}
