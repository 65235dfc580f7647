//! One transaction's envelope: MAIL, each RCPT and DATA as one list of steps with two cursors, and the
//! verdicts so far.

use super::{Attempt, Capabilities, Chunking, Extension, Framing, Transaction, TransactionResult};
use crate::{
    class::TransportSecurity,
    dsn::{DsnDuty, RecipientDsn, Ret},
    envelope::{BodyType, SmtpUtf8},
    smtp::{
        reply::{Reply, ReplyClass},
        verdict::{Outcome, Phase, Verdict, judge},
    },
};
use std::fmt::{Display, Write};

/// Most commands sent and not answered. The driver writes before it reads, so what is in flight, some
/// 50 bytes each way a command, must fit into socket buffers (RFC 2920 section 3.1).
pub const MAX_IN_FLIGHT: usize = 200;

/// The envelope of one transaction, under way.
#[derive(Debug)]
pub(super) struct Exchange {
    transaction: Transaction,
    framing: Framing,
    duty: DsnDuty,
    mail_parameters: String,
    /// How far `sent` may run ahead of `answered`.
    window: usize,
    /// Steps written.
    sent: usize,
    /// Steps whose reply has come; never more than `sent`.
    answered: usize,
    mail: MailState,
    verdicts: Vec<Option<Verdict>>,
    /// How many of `verdicts` are open: recipients accepted or not yet answered.
    undecided: usize,
}

/// Whether the peer holds an open transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MailState {
    /// MAIL was not accepted.
    Closed,
    /// MAIL was accepted, and only the end of data or RSET closes it.
    Open,
}

/// A command of the envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Mail,
    /// By index of the recipient.
    Rcpt(usize),
    Data,
}

/// What a reply did to the envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// It was noted; [`Exchange::advance`] says how it goes on.
    Noted,
    /// DATA was answered with 354.
    Go,
    /// It answers nothing that was asked.
    OutOfPlace,
}

/// How the envelope goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Replies are outstanding.
    Await,
    /// Recipients are accepted, the content is due.
    Body,
    /// Every recipient has a verdict and nothing is outstanding.
    Over,
}

impl Exchange {
    /// The envelope of `transaction` for a server of these capabilities. If the server cannot take the
    /// message, every recipient has its verdict at once and nothing will be sent.
    pub(super) fn new(transaction: Transaction, capabilities: &Capabilities, chunking: Chunking) -> Self {
        let chunked = chunking == Chunking::WhenOffered && capabilities.offers(Extension::Chunking);
        let pipelined = capabilities.offers(Extension::Pipelining);
        let objection = objection(&transaction, capabilities);
        let count = transaction.recipients.len();
        let mut exchange = Self {
            framing: if chunked { Framing::Bdat } else { Framing::Dot },
            duty: if capabilities.offers(Extension::Dsn) { DsnDuty::PassedOn } else { DsnDuty::Ours },
            mail_parameters: mail_parameters(&transaction, capabilities),
            window: if pipelined { MAX_IN_FLIGHT } else { 1 },
            transaction,
            sent: 0,
            answered: 0,
            mail: MailState::Closed,
            verdicts: vec![None; count],
            undecided: count,
        };
        if let Some(verdict) = objection {
            exchange.decide_rest(&verdict);
        }
        exchange
    }

    /// Appends the commands that may go out now, and says how the envelope goes on.
    pub(super) fn advance(&mut self, out: &mut Vec<u8>) -> Next {
        while let Some(step) = self.next_to_send() {
            out.extend_from_slice(self.command(step).as_bytes());
            self.sent += 1;
        }
        match (self.answered < self.sent, self.undecided) {
            (true, _) => Next::Await,
            (false, 0) => Next::Over,
            (false, _) => Next::Body,
        }
    }

    /// Notes the reply to the step at the cursor.
    pub(super) fn take(&mut self, reply: &Reply) -> Taken {
        let refused = matches!(reply.class(), ReplyClass::Transient | ReplyClass::Permanent);
        match (self.awaited(), reply.class()) {
            (Some(Step::Mail), ReplyClass::Success) => self.mail = MailState::Open,
            (Some(Step::Rcpt(_)), ReplyClass::Success) => {}
            (Some(Step::Rcpt(index)), _) if refused => self.decide(index, judge(Phase::Rcpt, reply)),
            (Some(Step::Mail | Step::Data), _) if refused => self.decide_rest(&judge(self.phase(), reply)),
            (Some(Step::Data), ReplyClass::Intermediate) => {
                self.answered += 1;
                return Taken::Go;
            }
            _ => return Taken::OutOfPlace,
        }
        self.answered += 1;
        Taken::Noted
    }

    /// Gives every recipient without a verdict this one.
    pub(super) fn decide_rest(&mut self, verdict: &Verdict) {
        for open in self.verdicts.iter_mut().filter(|slot| slot.is_none()) {
            *open = Some(verdict.clone());
        }
        self.undecided = 0;
    }

    /// The result, once every recipient has a verdict. A transaction that was not attempted bounces nobody,
    /// whatever the reply that ended the connection.
    pub(super) fn finish(self, attempt: Attempt) -> TransactionResult {
        let verdicts = self.verdicts.into_iter().enumerate();
        let mut verdicts: Vec<_> =
            verdicts.filter_map(|(index, verdict)| verdict.map(|verdict| (index, verdict))).collect();
        if attempt == Attempt::NotAttempted {
            verdicts.iter_mut().for_each(|(_, verdict)| verdict.outcome = Outcome::Soft);
        }
        TransactionResult { verdicts, attempt, duty: self.duty }
    }

    /// The phase of the reply that is due.
    pub(super) fn phase(&self) -> Phase {
        match self.awaited() {
            Some(Step::Mail) => Phase::Mail,
            Some(Step::Rcpt(_)) => Phase::Rcpt,
            Some(Step::Data) | None => Phase::Data,
        }
    }

    /// Whether recipients are accepted or not yet answered.
    pub(super) fn has_undecided(&self) -> bool {
        self.undecided > 0
    }

    /// Whether the peer has said nothing to this transaction.
    pub(super) fn is_unanswered(&self) -> bool {
        self.answered == 0
    }

    /// Whether nothing of this transaction was written.
    pub(super) fn is_unsent(&self) -> bool {
        self.sent == 0
    }

    /// Whether the peer holds an open transaction until RSET or the end of data.
    pub(super) fn mail_state(&self) -> MailState {
        self.mail
    }

    /// How the content is to be sent.
    pub(super) fn framing(&self) -> Framing {
        self.framing
    }

    /// The line that announces the content, for [`Framing::Bdat`].
    pub(super) fn bdat_command(&self) -> String {
        format!("BDAT {} LAST\r\n", self.transaction.size)
    }

    /// The step at a cursor, if there is one.
    fn step(&self, cursor: usize) -> Option<Step> {
        let recipients = self.transaction.recipients.len();
        match cursor.checked_sub(1) {
            None => Some(Step::Mail),
            Some(index) if index < recipients => Some(Step::Rcpt(index)),
            Some(index) if index == recipients && self.framing == Framing::Dot => Some(Step::Data),
            Some(_) => None,
        }
    }

    /// The step whose reply is due.
    fn awaited(&self) -> Option<Step> {
        if self.answered < self.sent { self.step(self.answered) } else { None }
    }

    /// The step to write, unless the window is full or there is no recipient left to write it for.
    fn next_to_send(&self) -> Option<Step> {
        let open = self.has_undecided() && self.sent - self.answered < self.window;
        if open { self.step(self.sent) } else { None }
    }

    /// The command line of a step.
    fn command(&self, step: Step) -> String {
        match step {
            Step::Mail => {
                format!("MAIL FROM:{}{}\r\n", self.transaction.reverse_path, self.mail_parameters)
            }
            Step::Rcpt(index) => {
                let recipient = self.transaction.recipients.get(index).map_or("", |address| address.as_str());
                format!("RCPT TO:<{recipient}>{}\r\n", self.rcpt_parameters(index))
            }
            Step::Data => "DATA\r\n".to_owned(),
        }
    }

    /// The parameters of RCPT, each with a space before it: what the sender said and nothing else (RFC 3461
    /// section 5.2.1).
    fn rcpt_parameters(&self, index: usize) -> String {
        let mut parameters = String::new();
        let said = self.transaction.recipients_dsn.get(index);
        if let (DsnDuty::PassedOn, Some(RecipientDsn { notify, orcpt })) = (self.duty, said) {
            push(&mut parameters, "NOTIFY", notify.as_ref());
            push(&mut parameters, "ORCPT", orcpt.as_ref());
        }
        parameters
    }

    /// Gives one recipient its verdict, unless it has one: after a refused MAIL the replies to the RCPTs
    /// already sent say nothing new.
    fn decide(&mut self, index: usize, verdict: Verdict) {
        if let Some(open @ None) = self.verdicts.get_mut(index) {
            *open = Some(verdict);
            self.undecided = self.undecided.saturating_sub(1);
        }
    }
}

/// Why the server cannot take the message at all, known without asking it.
fn objection(transaction: &Transaction, capabilities: &Capabilities) -> Option<Verdict> {
    if transaction.smtputf8 == SmtpUtf8::Needed && !capabilities.offers(Extension::SmtpUtf8) {
        return Some(Verdict::smtputf8_not_offered());
    }
    if transaction.security == TransportSecurity::Required && !capabilities.offers(Extension::RequireTls) {
        return Some(Verdict::requiretls_not_offered());
    }
    let limit = capabilities.max_size().filter(|&limit| transaction.size > limit);
    limit.map(|limit| Verdict::too_large(transaction.size, limit))
}

/// The parameters of MAIL, each with a space before it.
///
/// 8-bit content for a server without 8BITMIME is sent all the same, undeclared: converting it would break
/// its signatures, refusing it would lose mail that practically every server passes on unharmed.
fn mail_parameters(transaction: &Transaction, capabilities: &Capabilities) -> String {
    let mut parameters = String::new();
    if capabilities.offers(Extension::Size) {
        push(&mut parameters, "SIZE", Some(&transaction.size));
    }
    if transaction.body_type == BodyType::EightBitMime && capabilities.offers(Extension::EightBitMime) {
        parameters.push_str(" BODY=8BITMIME");
    }
    if transaction.smtputf8 == SmtpUtf8::Needed {
        parameters.push_str(" SMTPUTF8");
    }
    if transaction.security == TransportSecurity::Required {
        parameters.push_str(" REQUIRETLS");
    }
    if capabilities.offers(Extension::Dsn) {
        push(&mut parameters, "RET", transaction.dsn.ret.map(Ret::as_str).as_ref());
        push(&mut parameters, "ENVID", transaction.dsn.envid.as_ref());
    }
    parameters
}

/// Appends ` keyword=value`, if there is a value.
fn push(parameters: &mut String, keyword: &str, value: Option<&impl Display>) {
    if let Some(value) = value {
        // Writing to a String cannot fail.
        let _ = write!(parameters, " {keyword}={value}");
    }
}
