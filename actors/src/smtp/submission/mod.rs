//! Submission (RFC 6409): takes mail for anywhere from clients that log in with an API token, as the API takes it
//! from requests that carry one.
//!
//! The password is the token's secret; the token says whose mail it is. The user name is free, except that the
//! id of an account must be that of the token's own. Envelope sender and author must be at domains that the account
//! sends from.

mod quota;
mod recipients;

pub use super::guard::AddressLimits;

use super::{
    Reaction, Service, TlsFacts,
    guard::{self, Guard, Penalty, Slot},
    handover::{refuse_loop, refused, taken},
    refuse,
};
use crate::{
    clock,
    intake::{Intake, NewMessage},
    metrics as names,
};
use mailwright_engine::{
    address::{EmailAddress, ReversePath},
    envelope::{Origin, SmtpUtf8},
    id::QueueId,
    message::{RawDefaults, RawMessage, ReceivedHeader, SendError, SendErrorCode, check_raw},
    smtp::{
        reply::{EnhancedCode, Reply, SmtpCode},
        server::{Answer, Credentials, MailCommand, ReceivedMessage},
    },
    time::UnixMillis,
};
use mailwright_storage::{
    control::{Control, Permission, SendingDomain, Token},
    suppressions::Suppressions,
};
use quota::Quotas;
use std::{net::SocketAddr, sync::Arc, time::Duration};

/// Refused by policy (RFC 3463 section 3.8: delivery not authorized).
const NOT_AUTHORIZED: EnhancedCode = EnhancedCode::new(5, 7, 1);

/// How submission is limited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubmissionSettings {
    /// Our name in `Received` and in the Message-IDs that we give.
    pub hostname: String,
    /// What one client address may do.
    pub address: AddressLimits,
    /// Messages a minute that one token may send; 0: no limit.
    pub messages_per_minute: u32,
}

/// Submission's decisions. Clones share their limits.
#[derive(Debug, Clone)]
pub struct Submission {
    intake: Intake,
    control: Arc<Control>,
    hostname: Arc<str>,
    guard: Arc<Guard>,
    quotas: Arc<Quotas>,
    suppressions: Suppressions,
}

/// A client of submission.
#[derive(Debug)]
pub struct SubmissionClient {
    peer: SocketAddr,
    cipher: Option<String>,
    /// What it logged in with.
    token: Option<Arc<Token>>,
    /// What the message under way is sent by, unless it is from nobody.
    sender: Option<Arc<SendingDomain>>,
    /// Whom the message under way is for, as far as it is known.
    recipients: Vec<EmailAddress>,
    slot: Slot,
}

/// Why credentials are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum LoginError {
    #[error("user name or token is wrong")]
    Wrong,
    #[error("this token may not send mail")]
    Forbidden,
}

impl Submission {
    /// Submission through the door `intake` for the accounts of `control`, to whom `suppressions` allow.
    pub fn new(
        intake: Intake,
        control: Arc<Control>,
        suppressions: Suppressions,
        settings: SubmissionSettings,
    ) -> Self {
        Self {
            intake,
            control,
            hostname: settings.hostname.into(),
            guard: Arc::new(Guard::new(settings.address)),
            quotas: Arc::new(Quotas::new(settings.messages_per_minute)),
            suppressions,
        }
    }

    /// The token of these credentials, if it is good for sending.
    fn judge(&self, credentials: &Credentials) -> Result<Arc<Token>, LoginError> {
        let token =
            self.control.authenticate(credentials.secret.reveal(), clock::now()).ok_or(LoginError::Wrong)?;
        let account = token.account_id.as_str();
        // Whoever names an account means that one; a token of another is a mistake better found now.
        if credentials.identity != account && self.control.account(&credentials.identity).is_some() {
            return Err(LoginError::Wrong);
        }
        if token.allows(Permission::Send, account) { Ok(token.clone()) } else { Err(LoginError::Forbidden) }
    }

    /// Refuses credentials, the later the more often.
    async fn reject(&self, client: &SubmissionClient, name: &str, error: LoginError) -> Reaction {
        let name: String = name.chars().take(64).collect();
        tracing::warn!(peer = %client.peer.ip(), ?name, %error, "login refused");
        match client.slot.failed(clock::now()) {
            Penalty::Delay(delay) => {
                tokio::time::sleep(delay).await;
                refuse(SmtpCode::AUTH_FAILED, EnhancedCode::new(5, 7, 8), error.to_string())
            }
            Penalty::Ban => Reaction::Answer(Answer::Disconnect(guard::go_away(guard::TurnedAway::Failures))),
        }
    }

    /// The domain of `sender` as it is set up in the token's account.
    fn sending_domain(&self, token: &Token, sender: &EmailAddress) -> Result<Arc<SendingDomain>, Reaction> {
        let found = self.control.sender(token.account_id.as_str(), Some(token), sender.domain());
        found.map_err(|error| refuse(SmtpCode::MAILBOX_UNAVAILABLE, NOT_AUTHORIZED, error.to_string()))
    }

    /// Whether the client may begin a message, short of its place in the queue.
    fn may_send(&self, client: &mut SubmissionClient, sender: &ReversePath) -> Result<(), Reaction> {
        let token = logged_in(client)?;
        let sender = match sender {
            ReversePath::Address(sender) => Some(self.sending_domain(token, sender)?),
            ReversePath::Null => None,
        };
        self.intake.has_room().map_err(|error| refused(&error))?;
        self.quotas.take(&token.id, clock::now()).map_err(slow_down)?;
        client.sender = sender;
        client.recipients.clear();
        Ok(())
    }

    /// Whether a message under way may have another recipient. What limits say is asked again when the message is
    /// whole: only then it counts.
    fn may_receive(&self, client: &mut SubmissionClient, recipient: &EmailAddress) -> Result<(), Reaction> {
        let Some(sender) = &client.sender else { return Ok(()) };
        recipients::judge(&self.suppressions, sender, recipient)?;
        client.recipients.push(recipient.clone());
        let token = client.token.as_deref();
        let checked = self.intake.check(sender, token, &client.recipients);
        checked.map_err(|error| {
            client.recipients.pop();
            refused(&error)
        })
    }

    /// Checks and completes a message as the API does, and hands it in.
    async fn submit(&self, client: &SubmissionClient, message: ReceivedMessage) -> Result<QueueId, Reaction> {
        let token = logged_in(client)?;
        if let Some(looping) = refuse_loop(&message.content) {
            return Err(looping);
        }
        let (id, now) = self.intake.next_id();
        let raw = self.complete(&message.content, id, now)?;
        let author = self.sending_domain(token, raw.from())?;
        let trace = self.trace(client, &message, id, now);
        let (from, to) = (message.reverse_path, message.recipients);
        let accepted = self.intake.accept(NewMessage {
            smtputf8: if raw.has_utf8_header() { SmtpUtf8::Needed } else { message.smtputf8 },
            security: message.security,
            dsn: message.dsn,
            recipients_dsn: message.recipients_dsn,
            default_priority: token.priority,
            account: token.account_id.tenant(),
            token: Some(token.id.clone()),
            trace,
            signed_by: Some(author),
            ..NewMessage::new(id, from, to, Origin::Submission, raw.into_content())
        });
        accepted.await.map(|()| id).map_err(|error| refused(&error))
    }

    /// Adds what the message lacks (RFC 6409 section 8), or says why it cannot be sent.
    fn complete(&self, content: &[u8], id: QueueId, now: UnixMillis) -> Result<RawMessage, Reaction> {
        let message_id = format!("{id}@{}", self.hostname);
        check_raw(content, &RawDefaults { date: now, message_id: &message_id }).map_err(|e| unfit(&e))
    }

    fn trace(
        &self,
        client: &SubmissionClient,
        message: &ReceivedMessage,
        id: QueueId,
        date: UnixMillis,
    ) -> String {
        let received = ReceivedHeader {
            helo: &message.helo,
            peer: Some(client.peer.ip()),
            by: &self.hostname,
            with: message.protocol(),
            tls: client.cipher.as_deref(),
            id,
            date,
        };
        received.to_string()
    }
}

impl Service for Submission {
    type Client = SubmissionClient;

    fn admit(&self, peer: SocketAddr) -> Result<SubmissionClient, Reply> {
        let slot = self.guard.admit(peer.ip(), clock::now()).map_err(guard::go_away)?;
        Ok(SubmissionClient { peer, cipher: None, token: None, sender: None, recipients: Vec::new(), slot })
    }

    fn secured(&self, client: &mut SubmissionClient, tls: TlsFacts) {
        client.token = None;
        client.cipher = tls.cipher;
    }

    async fn authenticate(&self, client: &mut SubmissionClient, credentials: &Credentials) -> Reaction {
        let judged = self.judge(credentials);
        let result = if judged.is_ok() { "accepted" } else { "refused" };
        ::metrics::counter!(names::LOGINS, "result" => result).increment(1);
        match judged {
            Ok(token) => {
                tracing::debug!(peer = %client.peer.ip(), token = %token.id, "logged in");
                client.slot.succeeded();
                client.token = Some(token);
                Reaction::Answer(Answer::Accept)
            }
            Err(error) => self.reject(client, &credentials.identity, error).await,
        }
    }

    async fn mail(&self, client: &mut SubmissionClient, command: &MailCommand) -> Reaction {
        self.may_send(client, &command.reverse_path).err().unwrap_or(Reaction::Answer(Answer::Accept))
    }

    async fn rcpt(&self, client: &mut SubmissionClient, recipient: &EmailAddress) -> Reaction {
        self.may_receive(client, recipient).err().unwrap_or(Reaction::Answer(Answer::Accept))
    }

    async fn data(&self, _: &mut SubmissionClient) -> Reaction {
        Reaction::Answer(Answer::Accept)
    }

    async fn message(&self, client: &mut SubmissionClient, message: ReceivedMessage) -> Reaction {
        self.submit(client, message).await.map_or_else(|refusal| refusal, taken)
    }
}

/// The token of a client; the session asks nothing for one that has not logged in.
fn logged_in(client: &SubmissionClient) -> Result<&Arc<Token>, Reaction> {
    let missing = || refuse(SmtpCode::AUTH_REQUIRED, EnhancedCode::new(5, 7, 0), "log in first");
    client.token.as_ref().ok_or_else(missing)
}

/// A limit on messages is never a reason to lose one: 4yz.
fn slow_down(wait: Duration) -> Reaction {
    let seconds = wait.as_millis().div_ceil(1_000);
    let why = format!("this token sends too fast; try again in {seconds} s");
    refuse(SmtpCode::MAILBOX_BUSY, EnhancedCode::new(4, 7, 1), why)
}

/// What is wrong with a message, in ASCII: it may quote the message.
fn unfit(error: &SendError) -> Reaction {
    let why = error.message.replace(|c: char| !c.is_ascii(), "?");
    match error.code {
        SendErrorCode::ContentTooLarge => refuse(SmtpCode::STORAGE_EXCEEDED, EnhancedCode::new(5, 3, 4), why),
        _ => refuse(SmtpCode::TRANSACTION_FAILED, EnhancedCode::new(5, 6, 0), why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(reaction: &Reaction) -> String {
        match reaction {
            Reaction::Answer(Answer::Refuse(reply)) => reply.to_string(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_limit_defers_and_rounds_the_wait_up() {
        let told = text(&slow_down(Duration::from_millis(1_001)));
        assert!(told.starts_with("450") && told.ends_with("try again in 2 s"), "{told}");
    }

    #[test]
    fn what_it_says_of_a_message_is_ascii() {
        let content = "From: a@b.example\r\nnö field\r\n\r\n".as_bytes();
        let defaults = RawDefaults { date: UnixMillis::new(0), message_id: "x@y" };
        let told = text(&unfit(&check_raw(content, &defaults).unwrap_err()));
        assert!(told.starts_with("554") && told.contains("n? field") && told.is_ascii(), "{told}");
    }
}
