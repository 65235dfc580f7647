//! Mail from the world as it should be: signed, from a domain that says who may send for it, to an address that has a rule.

use crate::{
    Error, Result, message,
    name_server::NameServer,
    server::{Destination, Installation},
    sink::Sink,
    smtp::{Letter, Script},
};
use mailwright_engine::{
    address::{Domain, EmailAddress},
    dkim::{DkimError, DkimKey, DomainSigner, Signer},
    time::UnixMillis,
};
use mailwright_storage::control::{
    By, Control, ControlError, RouteAction, RuleDraft, RuleMatcher, RuleSource,
};
use std::{collections::HashMap, path::Path, time::SystemTime};

/// Octets of a body.
const SIZE: usize = 10_000;
/// Who writes.
const SENDER: &str = "ann@sender.example";
/// To whom.
pub const ADDRESS: &str = "info@example.com";
/// Where that leads.
pub const DESTINATION: &str = "recipient@example.net";

/// A signed message, and the name server of its domain.
#[derive(Debug)]
pub struct Signed {
    data: Vec<u8>,
    names: NameServer,
}

impl Signed {
    /// Signs a message of 10 kB with a new RSA key.
    ///
    /// # Errors
    /// If there is no randomness or no name server.
    pub fn new() -> Result<Self> {
        let failed = |error: DkimError| Error::unexpected("sign", error.to_string());
        let key = DkimKey::generate_rsa_2048().map_err(failed)?;
        let texts = HashMap::from([
            ("sender.example".to_owned(), "v=spf1 include:_spf.sender.example -all".to_owned()),
            ("_spf.sender.example".to_owned(), "v=spf1 ip4:127.0.0.0/8 ~all".to_owned()),
            ("_dmarc.sender.example".to_owned(), "v=DMARC1; p=reject".to_owned()),
            ("s1._domainkey.sender.example".to_owned(), key.public_record().map_err(failed)?),
        ]);
        let header = format!(
            "From: Ann <{SENDER}>\r\nTo: {ADDRESS}\r\nSubject: one of many\r\n\
             Date: Sat, 21 Nov 2026 12:00:00 +0000\r\nMessage-ID: <one.of.many@sender.example>\r\n\
             MIME-Version: 1.0\r\nContent-Type: text/plain\r\n"
        );
        let body = format!("{}\r\n", message::text(SIZE));
        let domain = Domain::parse("sender.example").map_err(|error| wrong(&error))?;
        let signer = DomainSigner::new(Signer::new(&domain, "s1", &key).map_err(failed)?, None);
        let signature = signer.sign(header.as_bytes(), [body.as_bytes()], now()).map_err(failed)?;
        let data = [&signature, header.as_bytes(), b"\r\n", body.as_bytes(), b".\r\n"].concat();
        Ok(Self { data, names: NameServer::with_texts(texts)? })
    }

    /// The message to `to`, again and again.
    #[must_use]
    pub fn script(&self, to: &str) -> Script {
        Script::of(Letter { from: SENDER.into(), to: to.into(), data: self.data.as_slice().into() })
    }

    /// A server that takes it for [`ADDRESS`], whose rule says `action`, delivers to `sink` and has senders wait for what that
    /// says as long as `in_session` says. Its state is in a folder inside `folder`; `more` is appended to the configuration.
    ///
    /// # Errors
    /// Those of [`Installation::new`], [`Installation::bootstrap`] and [`Installation::change`].
    pub fn installation(
        &self,
        folder: &Path,
        sink: &Sink,
        in_session: &str,
        action: Action,
        more: &str,
    ) -> Result<Installation> {
        let more = format!(
            "[inbound]\nlisten = [\"127.0.0.1:0\"]\nexempt = [\"127.0.0.0/8\"]\n\
             [dns]\nservers = [\"{}\"]\n[routing]\nin_session = \"{in_session}\"\n{more}",
            self.names.address(),
        );
        let installation = Installation::new(folder, Destination::NextHop(sink.address()), &more)?;
        installation.bootstrap()?;
        installation.change(|control| set_up(control, action))?;
        Ok(installation)
    }
}

/// What the rule of [`ADDRESS`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// On to [`DESTINATION`].
    Forward,
    /// To the Worker of this name.
    Worker(&'static str),
}

/// Has mail for the zone go on.
fn set_up(control: &Control, action: Action) -> std::result::Result<(), ControlError> {
    let by = By::server(now());
    let (Some(account), Some(zone)) = (control.accounts().pop(), control.zones().pop()) else {
        return Ok(());
    };
    let destination = EmailAddress::parse(DESTINATION)?;
    let (made, _) = control.create_destination(&account, destination.clone(), &by)?;
    control.set_destination_verified(&account.id, made.id.as_str(), true, &by)?;
    control.update_routing_zone(&zone.id, &by, |zone| zone.enabled = true)?;
    let rule = RuleDraft {
        name: String::new(),
        enabled: true,
        priority: 0,
        matcher: RuleMatcher::Literal(EmailAddress::parse(ADDRESS)?),
        action: match action {
            Action::Forward => RouteAction::Forward(vec![destination]),
            Action::Worker(name) => RouteAction::Worker(name.to_owned()),
        },
        source: RuleSource::Api,
        owner_worker_tag: None,
    };
    control.create_rule(&zone.id, rule, &by).map(drop)
}

fn wrong(error: &dyn std::error::Error) -> Error {
    Error::unexpected("read a name", error.to_string())
}

fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    UnixMillis::new(u64::try_from(since.as_millis()).unwrap_or_default())
}
