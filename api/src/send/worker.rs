//! Mail that Workers send by a binding: the way of mail that comes by the API, and the binding's rules.

use super::{Draft, Sender, accept};
use crate::{
    answer::ApiError,
    request::{RawRequest, read_send_value},
};
use mailwright_actors::intake::Intake;
use mailwright_engine::{
    address::{EmailAddress, Mailbox},
    envelope::Origin,
    message::{SendError, SendErrorCode, author, hints::SendingHints, split_header, to_crlf},
    worker::{ActionError, SendRules},
};
use mailwright_storage::{control::Control, suppressions::Suppressions};
use mailwright_workers::{Mailer, OutgoingMail, SendRequest, Sending};
use serde_json::Value;
use std::sync::Arc;

/// Sends mail for Workers. Clones are the same.
#[derive(Clone)]
pub struct WorkerMailer(Arc<Parts>);

/// What mail passes on its way.
struct Parts {
    control: Arc<Control>,
    intake: Intake,
    suppressions: Suppressions,
    hostname: String,
}

impl WorkerMailer {
    /// Hands mail to `intake`, from the sending domains of `control`, to nobody in `suppressions`; `hostname` is what the
    /// server calls itself in trace fields.
    pub fn new(control: Arc<Control>, intake: Intake, suppressions: Suppressions, hostname: String) -> Self {
        Self(Arc::new(Parts { control, intake, suppressions, hostname }))
    }

    async fn hand_in(self, request: SendRequest) -> Result<String, ApiError> {
        let parts = Arc::clone(&self.0);
        // Megabytes may have to be read, and the suppression list.
        let drafted = tokio::task::spawn_blocking(move || parts.draft(request)).await;
        let draft = drafted.map_err(|_| ApiError::internal("The message could not be made."))??;
        Ok(accept(&self.0.intake, &self.0.hostname, draft, None).await?.message_id)
    }
}

impl Mailer for WorkerMailer {
    fn send(&self, request: SendRequest) -> Sending<'_> {
        let mailer = self.clone();
        Box::pin(async move { mailer.hand_in(request).await.map_err(|error| exception(&error)) })
    }
}

/// An error as Workers' code gets it.
fn exception(error: &ApiError) -> ActionError {
    let code = error.send_code().unwrap_or(SendErrorCode::InternalServerError);
    ActionError { code: Some(code.as_str().to_owned()), message: error.detail().to_owned() }
}

impl Parts {
    fn draft(&self, request: SendRequest) -> Result<Draft, ApiError> {
        let SendRequest { account, rules, message, .. } = request;
        let account = self.control.account(account.as_str());
        let account = account.ok_or_else(|| ApiError::no_object("account"))?;
        let sender = Sender {
            control: &self.control,
            intake: &self.intake,
            suppressions: &self.suppressions,
            account: &account,
            token: None,
            origin: Origin::Worker,
        };
        match message {
            OutgoingMail::Built(message) => {
                let (request, asked) = read_send_value(addressed(message, &rules))?;
                let to = request.recipients().map(Mailbox::address);
                allowed(&rules, [request.from.address()], to)?;
                sender.draft_noted(&request, asked)
            }
            OutgoingMail::Raw { from, to, raw } => {
                let request = ready(&from, &to, &raw, &rules)?;
                let author = author(split_header(&request.mime).0);
                allowed(&rules, author.iter().chain([request.from.address()]), request.recipients.iter())?;
                sender.draft_raw_noted(&request)
            }
        }
    }
}

/// A message without recipients goes to the binding's own, if it has one.
fn addressed(mut message: Value, rules: &SendRules) -> Value {
    if let (Value::Object(message), Some(destination)) = (&mut message, &rules.destination)
        && message.get("to").is_none_or(Value::is_null)
    {
        message.insert("to".to_owned(), destination.as_str().into());
    }
    message
}

/// An `EmailMessage`. Its lines may end as its author's tools like it: its header is looked at as receivers will see it.
fn ready(from: &str, to: &str, raw: &[u8], rules: &SendRules) -> Result<RawRequest, SendError> {
    let to = if to.is_empty() { rules.destination.as_deref().unwrap_or_default() } else { to };
    let invalid = |field: &str, why: String| {
        SendError::new(SendErrorCode::ValidationError, field, format!("'{field}': {why}."))
    };
    if raw.is_empty() {
        return Err(SendError::new(SendErrorCode::FieldMissing, "raw", "The EmailMessage is empty."));
    }
    Ok(RawRequest {
        from: Mailbox::parse(from).map_err(|error| invalid("from", error.to_string()))?,
        recipients: vec![EmailAddress::parse(to).map_err(|error| invalid("to", error.to_string()))?],
        mime: to_crlf(raw).into_owned(),
        asked: SendingHints::default(),
    })
}

/// Whether the binding may send so.
fn allowed<'a>(
    rules: &SendRules,
    from: impl IntoIterator<Item = &'a EmailAddress>,
    to: impl IntoIterator<Item = &'a EmailAddress>,
) -> Result<(), SendError> {
    let is_in = |list: &[String], address: &EmailAddress| {
        list.iter().any(|one| one.eq_ignore_ascii_case(address.as_str()))
    };
    let senders = &rules.allowed_senders;
    if let Some(other) = from.into_iter().find(|from| !senders.is_empty() && !is_in(senders, from)) {
        let why = format!(
            "email from {other} not allowed: this binding has allowed_sender_addresses, and it is none of them."
        );
        return Err(SendError::new(SendErrorCode::SenderNotVerified, "from", why));
    }
    let destinations = &rules.allowed_destinations;
    let why = |to: &EmailAddress| match &rules.destination {
        Some(only) if !only.eq_ignore_ascii_case(to.as_str()) => {
            Some(format!("this binding has destination_address {only}."))
        }
        _ if !destinations.is_empty() && !is_in(destinations, to) => {
            Some("this binding has allowed_destination_addresses, and it is none of them.".to_owned())
        }
        _ => None,
    };
    match to.into_iter().find_map(|to| Some((to, why(to)?))) {
        Some((to, why)) => {
            let why = format!("email to {to} not allowed: {why}");
            Err(SendError::new(SendErrorCode::RecipientNotAllowed, "to", why))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn address(text: &str) -> EmailAddress {
        EmailAddress::parse(text).unwrap()
    }

    fn rules(senders: &[&str], destination: Option<&str>, destinations: &[&str]) -> SendRules {
        let owned = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
        SendRules {
            allowed_senders: owned(senders),
            destination: destination.map(str::to_owned),
            allowed_destinations: owned(destinations),
        }
    }

    fn refused(rules: &SendRules, from: &[&str], to: &[&str]) -> Option<SendErrorCode> {
        let addresses = |list: &[&str]| list.iter().map(|text| address(text)).collect::<Vec<_>>();
        allowed(rules, &addresses(from), &addresses(to)).err().map(|error| error.code)
    }

    #[test]
    fn a_binding_without_rules_allows_whatever_its_account_may() {
        assert_eq!(refused(&SendRules::default(), &["a@x.example"], &["b@y.example"]), None);
    }

    #[test]
    fn senders_must_be_on_the_list_in_the_envelope_and_in_the_message() {
        let rules = rules(&["Noreply@x.example"], None, &[]);
        assert_eq!(refused(&rules, &["noreply@x.example"], &["b@y.example"]), None);
        let both = ["noreply@x.example", "ceo@x.example"];
        assert_eq!(refused(&rules, &both, &["b@y.example"]), Some(SendErrorCode::SenderNotVerified));
    }

    #[test]
    fn every_recipient_must_be_allowed() {
        let one = rules(&[], Some("b@y.example"), &[]);
        assert_eq!(refused(&one, &["a@x.example"], &["B@y.example"]), None);
        let both = ["b@y.example", "c@y.example"];
        assert_eq!(refused(&one, &["a@x.example"], &both), Some(SendErrorCode::RecipientNotAllowed));
        let some = rules(&[], None, &both);
        assert_eq!(refused(&some, &["a@x.example"], &both), None);
        assert_eq!(
            refused(&some, &["a@x.example"], &["d@y.example"]),
            Some(SendErrorCode::RecipientNotAllowed)
        );
    }

    #[test]
    fn a_binding_with_one_recipient_needs_none_in_the_message() {
        let one = rules(&[], Some("b@y.example"), &[]);
        for message in [json!({}), json!({ "to": null })] {
            assert_eq!(addressed(message, &one)["to"], "b@y.example");
        }
        assert_eq!(addressed(json!({ "to": "c@y.example" }), &one)["to"], "c@y.example");
        assert_eq!(ready("a@x.example", "", b"x", &one).unwrap().recipients, [address("b@y.example")]);
        assert!(ready("a@x.example", "", b"x", &SendRules::default()).is_err());
    }

    #[test]
    fn the_author_of_a_message_is_found_however_its_lines_end() {
        for raw in [
            &b"Subject: s\nFrom: ceo@x.example\n\ntext\n"[..],
            b"Subject: s\r\nFrom: ceo@x.example\r\n\r\ntext",
        ] {
            let request = ready("noreply@x.example", "b@y.example", raw, &SendRules::default()).unwrap();
            assert_eq!(author(split_header(&request.mime).0), Some(address("ceo@x.example")));
        }
    }
}
