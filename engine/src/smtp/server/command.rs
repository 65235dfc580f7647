//! One command line, parsed (RFC 5321 section 4.1.1).

use super::{
    auth::{Mechanism, Secret},
    bdat::{ChunkHeader, ChunkPlace},
    config::{Auth, RequireTls, ServerConfig, Utf8Recipients},
    line::LineError,
    params::{Offers, parse_mail_params, parse_rcpt_params},
    path::{split_path, without_route},
    replies,
    transaction::{Client, Greeting, MailCommand, Transport},
};
use crate::{
    address::{EmailAddress, ReversePath},
    dsn::RecipientDsn,
    envelope::{BodyType, SmtpUtf8},
};

/// A well-formed command; whether it is in order is for the session to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    /// EHLO or HELO.
    Hello(Client),
    Mail(MailCommand),
    Rcpt(EmailAddress, RecipientDsn),
    Data,
    Bdat(ChunkHeader),
    Rset,
    Noop,
    Quit,
    Vrfy,
    Help,
    StartTls,
    /// With the initial response, if there is one.
    Auth(Mechanism, Option<Secret>),
}

impl Command {
    /// Whether a client has to wait for its answer before it goes on (RFC 2920 section 3.1; RFC 3207 and RFC 4954 for
    /// theirs). QUIT too, but nothing behind it is read.
    pub(super) fn ends_a_group(&self) -> bool {
        matches!(
            self,
            Self::Hello(_) | Self::Data | Self::Noop | Self::Vrfy | Self::StartTls | Self::Auth(..)
        )
    }
}

/// Why a line is no command we can carry out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CommandError {
    /// The line is no line.
    Line(LineError),
    NotUtf8,
    Unknown,
    /// Known to SMTP, but not offered here.
    NotImplemented,
    /// Parameters or arguments of the wrong form.
    Syntax,
    UnknownParameter,
    UnknownMechanism,
    BadBody,
    BadSender,
    BadRecipient,
    NonAsciiAddress,
    NonAsciiRecipient,
    /// BDAT whose octets cannot be told from the commands after them.
    BadChunkSize,
    /// A web browser was led here (RFC 5321 knows no such commands), maybe to post commands in its body.
    Http,
}

impl CommandError {
    /// What to answer.
    pub(super) fn reply(self) -> &'static str {
        match self {
            Self::Line(LineError::TooLong) => replies::LINE_TOO_LONG,
            Self::Line(LineError::BareLineBreak) => replies::BARE_LINE_BREAK,
            Self::NotUtf8 => replies::NOT_UTF8,
            Self::Unknown => replies::UNKNOWN_COMMAND,
            Self::NotImplemented => replies::NOT_IMPLEMENTED,
            Self::Syntax => replies::BAD_SYNTAX,
            Self::UnknownParameter => replies::UNKNOWN_PARAMETER,
            Self::UnknownMechanism => replies::UNKNOWN_MECHANISM,
            Self::BadBody => replies::BAD_BODY,
            Self::BadSender => replies::BAD_SENDER,
            Self::BadRecipient => replies::BAD_RECIPIENT,
            Self::NonAsciiAddress => replies::NON_ASCII_ADDRESS,
            Self::NonAsciiRecipient => replies::NON_ASCII_RECIPIENT,
            Self::BadChunkSize => replies::BAD_CHUNK_SIZE,
            Self::Http => replies::NOT_HTTP,
        }
    }

    /// Whether the session cannot go on after it.
    pub(super) fn is_fatal(self) -> bool {
        matches!(self, Self::BadChunkSize | Self::Http)
    }
}

/// What the meaning of a command depends on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context<'a> {
    /// The settings of the listener.
    pub(super) config: &'a ServerConfig,
    /// Whether the transaction under way allows recipients in UTF-8.
    pub(super) smtputf8: SmtpUtf8,
    /// What carries the session.
    pub(super) transport: Transport,
}

impl Context<'_> {
    /// REQUIRETLS makes no sense where the first hop was in plain text (RFC 8689 section 4.1).
    fn offers(&self) -> Offers {
        let require_tls = match self.transport {
            Transport::Plain => RequireTls::NotOffered,
            Transport::Tls => self.config.require_tls,
        };
        Offers { dsn: self.config.dsn, auth: self.config.auth, require_tls }
    }
}

/// Parses a line without its CRLF. Verbs and keywords are taken in any case, spaces at the end are ignored.
pub(super) fn parse_command(line: &[u8], context: Context<'_>) -> Result<Command, CommandError> {
    let line = str::from_utf8(line).map_err(|_| CommandError::NotUtf8)?;
    let line = line.trim_end_matches(' ');
    let (verb, argument) = line.split_once(' ').unwrap_or((line, ""));
    match verb.to_ascii_uppercase().as_str() {
        "EHLO" => parse_hello(Greeting::Ehlo, argument),
        "HELO" => parse_hello(Greeting::Helo, argument),
        "MAIL" => parse_mail(argument, context.offers()),
        "RCPT" => parse_rcpt(argument, context),
        "BDAT" => parse_bdat(argument),
        "DATA" => alone(Command::Data, argument),
        "RSET" => alone(Command::Rset, argument),
        "QUIT" => alone(Command::Quit, argument),
        "STARTTLS" => alone(Command::StartTls, argument),
        "NOOP" => Ok(Command::Noop),
        "HELP" => Ok(Command::Help),
        "VRFY" if argument.is_empty() => Err(CommandError::Syntax),
        "VRFY" => Ok(Command::Vrfy),
        "AUTH" if context.config.auth == Auth::Required => parse_auth(argument),
        "EXPN" | "AUTH" | "ETRN" | "TURN" | "SEND" | "SOML" | "SAML" => Err(CommandError::NotImplemented),
        "GET" | "POST" | "PUT" | "HEAD" | "DELETE" | "OPTIONS" | "CONNECT" | "PATCH" | "TRACE" => {
            Err(CommandError::Http)
        }
        _ => Err(CommandError::Unknown),
    }
}

/// A command that takes no argument.
fn alone(command: Command, argument: &str) -> Result<Command, CommandError> {
    if argument.is_empty() { Ok(command) } else { Err(CommandError::Syntax) }
}

/// Longest name in EHLO or HELO, in octets (RFC 5321 section 4.5.3.1.2).
const MAX_HELLO: usize = 255;

/// EHLO and HELO. The name need not be true, nor even a domain (many clients send a machine's name), but it is
/// written into header fields, so only letters, digits and `.-_:[]` pass.
fn parse_hello(greeting: Greeting, name: &str) -> Result<Command, CommandError> {
    let harmless = |octet: u8| octet.is_ascii_alphanumeric() || b".-_:[]".contains(&octet);
    if name.is_empty() || name.len() > MAX_HELLO || !name.bytes().all(harmless) {
        return Err(CommandError::Syntax);
    }
    Ok(Command::Hello(Client { name: name.to_owned(), greeting }))
}

/// `FROM:<path> parameters`.
fn parse_mail(argument: &str, offers: Offers) -> Result<Command, CommandError> {
    let path = after_keyword(argument, "FROM:").ok_or(CommandError::Syntax)?;
    let (path, rest) = split_path(path).ok_or(CommandError::BadSender)?;
    let params = parse_mail_params(rest, offers)?;
    let smtputf8 = params.smtputf8.unwrap_or_default();
    Ok(Command::Mail(MailCommand {
        reverse_path: parse_reverse_path(path, smtputf8)?,
        declared_size: params.size,
        body_type: params.body.unwrap_or(BodyType::SevenBit),
        smtputf8,
        dsn: params.dsn,
        security: params.security.unwrap_or_default(),
    }))
}

fn parse_reverse_path(path: &str, smtputf8: SmtpUtf8) -> Result<ReversePath, CommandError> {
    if path.is_empty() {
        return Ok(ReversePath::Null);
    }
    parse_mailbox(path, smtputf8, CommandError::BadSender).map(ReversePath::Address)
}

/// `TO:<path> parameters`.
fn parse_rcpt(argument: &str, context: Context<'_>) -> Result<Command, CommandError> {
    let path = after_keyword(argument, "TO:").ok_or(CommandError::Syntax)?;
    let (path, rest) = split_path(path).ok_or(CommandError::BadRecipient)?;
    let params = parse_rcpt_params(rest, context.config.dsn)?;
    let recipient = if path.eq_ignore_ascii_case("postmaster") {
        // RFC 5321 section 4.5.1: the one recipient that needs no domain.
        let ours = format!("postmaster@{}", context.config.hostname);
        EmailAddress::parse(&ours).map_err(|_| CommandError::BadRecipient)?
    } else {
        parse_recipient(path, context)?
    };
    Ok(Command::Rcpt(recipient, params))
}

fn parse_recipient(path: &str, context: Context<'_>) -> Result<EmailAddress, CommandError> {
    if context.config.utf8_recipients == Utf8Recipients::Taken {
        return parse_mailbox(path, context.smtputf8, CommandError::BadRecipient);
    }
    // Its domain is brought to ASCII here, so nobody needs to have said SMTPUTF8.
    let recipient = parse_mailbox(path, SmtpUtf8::Needed, CommandError::BadRecipient)?;
    if recipient.needs_smtputf8() { Err(CommandError::NonAsciiRecipient) } else { Ok(recipient) }
}

fn parse_mailbox(path: &str, smtputf8: SmtpUtf8, error: CommandError) -> Result<EmailAddress, CommandError> {
    let mailbox = without_route(path).ok_or(error)?;
    if smtputf8 == SmtpUtf8::NotNeeded && !mailbox.is_ascii() {
        return Err(CommandError::NonAsciiAddress);
    }
    EmailAddress::parse(mailbox).map_err(|_| error)
}

/// What follows `FROM:` or `TO:`; the spaces that many clients put before the path are no part of it.
fn after_keyword<'a>(argument: &'a str, keyword: &str) -> Option<&'a str> {
    let (head, rest) = argument.split_at_checked(keyword.len())?;
    head.eq_ignore_ascii_case(keyword).then(|| rest.trim_start_matches(' '))
}

/// `mechanism [initial-response]` (RFC 4954 section 4).
fn parse_auth(argument: &str) -> Result<Command, CommandError> {
    let (mechanism, initial) = match argument.split_once(' ') {
        Some((mechanism, initial)) => (mechanism, Some(initial)),
        None => (argument, None),
    };
    if mechanism.is_empty() || initial.is_some_and(|initial| initial.contains(' ')) {
        return Err(CommandError::Syntax);
    }
    let mechanism = Mechanism::parse(mechanism).ok_or(CommandError::UnknownMechanism)?;
    Ok(Command::Auth(mechanism, initial.map(|initial| Secret::new(initial.to_owned()))))
}

/// `octets [LAST]` (RFC 3030 section 2).
fn parse_bdat(argument: &str) -> Result<Command, CommandError> {
    let (octets, rest) = argument.split_once(' ').unwrap_or((argument, ""));
    let place = match rest.trim_start_matches(' ') {
        "" => ChunkPlace::Inner,
        last if last.eq_ignore_ascii_case("LAST") => ChunkPlace::Last,
        _ => return Err(CommandError::BadChunkSize),
    };
    // `u64::from_str` would take a plus sign as well.
    let digits = octets.bytes().all(|octet| octet.is_ascii_digit());
    let octets = if digits { octets.parse().ok() } else { None };
    Ok(Command::Bdat(ChunkHeader { octets: octets.ok_or(CommandError::BadChunkSize)?, place }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(config: &ServerConfig) -> Context<'_> {
        Context { config, smtputf8: SmtpUtf8::NotNeeded, transport: Transport::Plain }
    }

    fn parse(line: &str) -> Result<Command, CommandError> {
        let config = ServerConfig::new("mx.example");
        parse_command(line.as_bytes(), context(&config))
    }

    fn sender(line: &str) -> Result<ReversePath, CommandError> {
        match parse(line)? {
            Command::Mail(mail) => Ok(mail.reverse_path),
            other => panic!("{other:?}"),
        }
    }

    fn address(text: &str) -> EmailAddress {
        EmailAddress::parse(text).unwrap()
    }

    #[test]
    fn takes_verbs_in_any_case_and_spaces_at_the_end() {
        let cases = [
            ("data", Command::Data),
            ("RSET ", Command::Rset),
            ("Quit", Command::Quit),
            ("NOOP whatever", Command::Noop),
            ("HELP MAIL", Command::Help),
            ("VRFY someone", Command::Vrfy),
            ("starttls", Command::StartTls),
        ];
        for (line, command) in cases {
            assert_eq!(parse(line), Ok(command), "{line:?}");
        }
    }

    #[test]
    fn reads_paths_of_mail() {
        let a = || Ok(ReversePath::Address(address("a@b.example")));
        assert_eq!(sender("MAIL FROM:<a@b.example>"), a());
        assert_eq!(sender("mail from: <a@b.example> SIZE=1"), a());
        assert_eq!(sender("MAIL FROM:<@x.example,@y.example:a@b.example>"), a());
        assert_eq!(sender("MAIL FROM:<>"), Ok(ReversePath::Null));
        assert_eq!(sender("MAIL FROM:a@b.example"), Err(CommandError::BadSender));
        assert_eq!(sender("MAIL FROM:<a>"), Err(CommandError::BadSender));
        assert_eq!(sender("MAIL FROM:<a@b.example>x"), Err(CommandError::Syntax));
        assert_eq!(sender("MAIL TO:<a@b.example>"), Err(CommandError::Syntax));
        assert_eq!(sender("MAIL"), Err(CommandError::Syntax));
    }

    #[test]
    fn reads_paths_of_rcpt() {
        let to = |path: &str| Ok(Command::Rcpt(address(path), RecipientDsn::default()));
        assert_eq!(parse("RCPT TO:<a@b.example>"), to("a@b.example"));
        assert_eq!(parse("RCPT TO:<Postmaster>"), to("postmaster@mx.example"));
        for bad in ["RCPT TO:<>", "RCPT TO:<abuse>", "RCPT TO:<@b.example:postmaster>"] {
            assert_eq!(parse(bad), Err(CommandError::BadRecipient), "{bad:?}");
        }
    }

    #[test]
    fn wants_smtputf8_for_addresses_in_utf8() {
        assert_eq!(sender("MAIL FROM:<é@b.example>"), Err(CommandError::NonAsciiAddress));
        assert_eq!(sender("MAIL FROM:<a@é.example>"), Err(CommandError::NonAsciiAddress));
        assert!(sender("MAIL FROM:<é@b.example> SMTPUTF8").is_ok());
        assert_eq!(parse("RCPT TO:<é@b.example>"), Err(CommandError::NonAsciiAddress));
    }

    #[test]
    fn takes_no_more_of_a_recipient_in_utf8_than_its_domain_where_so_configured() {
        let utf8_recipients = Utf8Recipients::DomainsOnly;
        let config = ServerConfig { utf8_recipients, ..ServerConfig::new("mx.example") };
        for smtputf8 in [SmtpUtf8::NotNeeded, SmtpUtf8::Needed] {
            let context = Context { smtputf8, ..context(&config) };
            let parse = |line: &str| parse_command(line.as_bytes(), context);
            let ours = Command::Rcpt(address("info@xn--piata-pta.example"), RecipientDsn::default());
            assert_eq!(parse("RCPT TO:<info@piñata.example>"), Ok(ours.clone()));
            assert_eq!(parse("RCPT TO:<info@xn--piata-pta.example>"), Ok(ours));
            assert_eq!(parse("RCPT TO:<piñata@piñata.example>"), Err(CommandError::NonAsciiRecipient));
            assert!(parse("MAIL FROM:<piñata@piñata.example> SMTPUTF8").is_ok());
        }
    }

    #[test]
    fn reads_chunk_headers() {
        let chunk = |octets, place| Ok(Command::Bdat(ChunkHeader { octets, place }));
        assert_eq!(parse("BDAT 12"), chunk(12, ChunkPlace::Inner));
        assert_eq!(parse("bdat 0 last"), chunk(0, ChunkPlace::Last));
        for bad in ["BDAT", "BDAT +1", "BDAT -1", "BDAT 1 FIRST", "BDAT LAST", "BDAT 18446744073709551616"] {
            assert_eq!(parse(bad), Err(CommandError::BadChunkSize), "{bad:?}");
        }
    }

    #[test]
    fn lets_only_harmless_names_greet() {
        assert!(parse("EHLO [IPv6:2001:db8::1]").is_ok());
        assert!(parse("HELO my_pc").is_ok());
        let long = format!("EHLO {}", "a".repeat(256));
        for bad in ["EHLO", "EHLO a b", "EHLO (a)", "EHLO a\0", "EHLO é", long.as_str()] {
            assert_eq!(parse(bad), Err(CommandError::Syntax), "{bad:?}");
        }
    }

    #[test]
    fn tells_what_it_does_not_know() {
        let cases = [
            ("", CommandError::Unknown),
            (" NOOP", CommandError::Unknown),
            ("MAILFROM:<a@b.example>", CommandError::Unknown),
            ("AUTH PLAIN", CommandError::NotImplemented),
            ("DATA now", CommandError::Syntax),
            ("VRFY", CommandError::Syntax),
            ("GET / HTTP/1.1", CommandError::Http),
        ];
        for (line, error) in cases {
            assert_eq!(parse(line), Err(error), "{line:?}");
        }
        let config = ServerConfig::new("mx.example");
        assert_eq!(parse_command(b"NOOP \xff", context(&config)), Err(CommandError::NotUtf8));
    }

    #[test]
    fn reads_auth_where_it_is_offered() {
        let config = ServerConfig { auth: Auth::Required, ..ServerConfig::new("mx.example") };
        let parse = |line: &str| parse_command(line.as_bytes(), context(&config));
        assert_eq!(parse("auth plain"), Ok(Command::Auth(Mechanism::Plain, None)));
        let initial = Some(Secret::new("=".to_owned()));
        assert_eq!(parse("AUTH LOGIN ="), Ok(Command::Auth(Mechanism::Login, initial)));
        assert_eq!(parse("AUTH"), Err(CommandError::Syntax));
        assert_eq!(parse("AUTH PLAIN a b"), Err(CommandError::Syntax));
        assert_eq!(parse("AUTH CRAM-MD5"), Err(CommandError::UnknownMechanism));
    }
}
