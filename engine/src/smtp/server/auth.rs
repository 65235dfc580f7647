//! The exchange that AUTH begins (RFC 4954): PLAIN (RFC 4616) and LOGIN, which is written down nowhere but in
//! the mail programs that know nothing else.

use data_encoding::BASE64;
use std::fmt;

/// How a client proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mechanism {
    /// Identity and secret in one response (RFC 4616).
    Plain,
    /// Identity and secret in a response each.
    Login,
}

impl Mechanism {
    /// All of them, as EHLO lists them.
    pub(super) const OFFERED: &'static str = "AUTH PLAIN LOGIN";

    /// Reads a name in any case.
    pub(super) fn parse(name: &str) -> Option<Self> {
        [Self::Plain, Self::Login].into_iter().find(|one| name.eq_ignore_ascii_case(one.as_str()))
    }

    /// The registered name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
        }
    }
}

/// What nobody but its holder and the judge of it may see; logs and debug output show three dots.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub(super) const fn new(secret: String) -> Self {
        Self(secret)
    }

    /// The secret itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Who a client says it is, with its proof. Neither part is empty or holds a NUL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// How it said so.
    pub mechanism: Mechanism,
    /// The name it gave.
    pub identity: String,
    /// The password it gave.
    pub secret: Secret,
}

/// Why an exchange ended without credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AuthFault {
    /// The client sent `*` (RFC 4954 section 4).
    Cancelled,
    /// No base64, or not what the mechanism wants in it.
    Malformed,
    /// PLAIN with an identity to act for that is not the one that logs in.
    OtherIdentity,
}

/// Which response an exchange waits for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Exchange {
    /// PLAIN: all in one.
    Plain,
    /// LOGIN: the identity.
    LoginName,
    /// LOGIN: the secret of this identity.
    LoginSecret(String),
}

/// How an exchange goes on after a response.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// By another response.
    Ask(Exchange),
    /// Not at all: this is what it was for.
    Done(Credentials),
}

impl Exchange {
    /// Longest response in octets with its CRLF (RFC 4954 section 4: at most 12288 of base64).
    pub(super) const MAX_LINE: usize = 12_288 + 2;

    /// An exchange before its first response.
    pub(super) fn begin(mechanism: Mechanism) -> Self {
        match mechanism {
            Mechanism::Plain => Self::Plain,
            Mechanism::Login => Self::LoginName,
        }
    }

    /// The reply that asks for the response: nothing, `Username:` or `Password:` in base64.
    pub(super) fn challenge(&self) -> &'static str {
        match self {
            Self::Plain => "334 \r\n",
            Self::LoginName => "334 VXNlcm5hbWU6\r\n",
            Self::LoginSecret(_) => "334 UGFzc3dvcmQ6\r\n",
        }
    }

    /// Takes a line of the client's.
    pub(super) fn respond(self, line: &[u8]) -> Result<Turn, AuthFault> {
        if line == b"*" { Err(AuthFault::Cancelled) } else { self.take(line) }
    }

    /// Takes the initial response, where `=` stands for an empty one (RFC 4954 section 4).
    pub(super) fn respond_at_once(self, initial: &Secret) -> Result<Turn, AuthFault> {
        let initial = initial.reveal();
        self.take(if initial == "=" { "" } else { initial }.as_bytes())
    }

    fn take(self, base64: &[u8]) -> Result<Turn, AuthFault> {
        let response = BASE64.decode(base64).map_err(|_| AuthFault::Malformed)?;
        let response = String::from_utf8(response).map_err(|_| AuthFault::Malformed)?;
        match self {
            Self::Plain => read_plain(&response).map(Turn::Done),
            Self::LoginName => Ok(Turn::Ask(Self::LoginSecret(word(&response)?))),
            Self::LoginSecret(identity) => {
                let secret = Secret::new(word(&response)?);
                Ok(Turn::Done(Credentials { mechanism: Mechanism::Login, identity, secret }))
            }
        }
    }
}

/// `[authzid] NUL authcid NUL passwd` (RFC 4616 section 2). To act for another than oneself is no use here.
fn read_plain(message: &str) -> Result<Credentials, AuthFault> {
    let mut parts = message.splitn(3, '\0');
    let mut next = || parts.next().ok_or(AuthFault::Malformed);
    let (acts_for, identity, secret) = (next()?, word(next()?)?, word(next()?)?);
    if !acts_for.is_empty() && acts_for != identity {
        return Err(AuthFault::OtherIdentity);
    }
    Ok(Credentials { mechanism: Mechanism::Plain, identity, secret: Secret::new(secret) })
}

/// Text that says something and has no NUL.
fn word(text: &str) -> Result<String, AuthFault> {
    if text.is_empty() || text.contains('\0') { Err(AuthFault::Malformed) } else { Ok(text.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(message: &str) -> Result<(String, String), AuthFault> {
        match Exchange::Plain.respond(BASE64.encode(message.as_bytes()).as_bytes())? {
            Turn::Done(found) => Ok((found.identity, found.secret.reveal().to_owned())),
            Turn::Ask(more) => panic!("{more:?}"),
        }
    }

    #[test]
    fn reads_plain_messages() {
        let found = |identity: &str, secret: &str| Ok((identity.to_owned(), secret.to_owned()));
        assert_eq!(plain("\0tim\0tanstaaftanstaaf"), found("tim", "tanstaaftanstaaf"));
        assert_eq!(plain("tim\0tim\0é "), found("tim", "é "));
        assert_eq!(plain("ursel\0kurt\0xipj3plmq"), Err(AuthFault::OtherIdentity));
        for wrong in ["", "tim", "\0tim", "\0tim\0", "\0\0secret", "\0tim\0a\0b", "tim\0secret"] {
            assert_eq!(plain(wrong), Err(AuthFault::Malformed), "{wrong:?}");
        }
    }

    #[test]
    fn refuses_what_is_not_base64_of_utf8() {
        for wrong in ["AHRpbQBzZWNyZXQ", "AHRpbQBz ZWNyZXQ=", "AHRpbQD/", "====", "*AAA", "AHRpbQBzZWNyZXR="]
        {
            assert_eq!(Exchange::Plain.respond(wrong.as_bytes()), Err(AuthFault::Malformed), "{wrong:?}");
        }
        assert_eq!(Exchange::Plain.respond(b"*"), Err(AuthFault::Cancelled));
        assert_eq!(Exchange::Plain.respond_at_once(&Secret::new("*".into())), Err(AuthFault::Malformed));
    }

    #[test]
    fn asks_for_both_halves_of_a_login() {
        let Ok(Turn::Ask(second)) = Exchange::begin(Mechanism::Login).respond(b"dGlt") else { panic!() };
        assert_eq!(
            (second.challenge(), &second),
            ("334 UGFzc3dvcmQ6\r\n", &Exchange::LoginSecret("tim".into()))
        );
        assert_eq!(second.respond(b""), Err(AuthFault::Malformed));
        let empty = Exchange::LoginName.respond_at_once(&Secret::new("=".into()));
        assert_eq!(empty, Err(AuthFault::Malformed));
    }

    #[test]
    fn shows_no_secret() {
        let secret = Credentials {
            mechanism: Mechanism::Plain,
            identity: "tim".into(),
            secret: Secret::new("hidden".into()),
        };
        let text = format!("{secret:?}");
        assert!(text.contains("tim") && !text.contains("hidden"), "{text}");
    }
}
