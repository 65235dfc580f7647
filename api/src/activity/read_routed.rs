//! Requests about mail from the world, in its own words.

use super::read::{address, domain, message_id, plain, read, status};
use crate::{answer::ApiError, time::read_time};
use mailwright_engine::authentication::MethodResult;
use mailwright_storage::activity::{ActivityFilter, Direction};
use serde::Deserialize;
use utoipa::IntoParams;

/// Which lines of mail from the world are wanted. An empty value is as good as none.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(super) struct RoutedQuery {
    /// With this status: `forwarded`, `dropped`, `processed`, `rejected`, `deliveryFailed` or `sent`.
    #[serde(alias = "state")]
    status: String,
    /// For this address of ours.
    to: String,
    /// To this destination address.
    destination: String,
    /// To destinations at this domain.
    domain: String,
    /// By this author.
    from: String,
    /// With this envelope sender.
    envelope_from: String,
    /// By authors at this domain.
    sending_domain: String,
    /// With this Message-ID.
    message_id: String,
    /// With this result of SPF: `none`, `pass`, `fail`, `policy`, `neutral`, `softfail`, `temperror` or `permerror`.
    spf: String,
    /// With this result of DKIM.
    dkim: String,
    /// With this result of DMARC.
    dmarc: String,
    /// With this result of ARC.
    arc: String,
    /// Whose last failure is of this class.
    class: String,
    /// With this text in the last reply, or in the reason of a refusal.
    reply: String,
    /// Come then or later.
    since: String,
    /// Come before then.
    until: String,
}

impl RoutedQuery {
    /// The filter.
    ///
    /// # Errors
    /// For whatever makes no sense, by field.
    pub(super) fn read(&self) -> Result<ActivityFilter, ApiError> {
        Ok(ActivityFilter {
            status: read(&self.status, |text| status(Direction::Routing, text))?,
            addressed: read(&self.to, |text| address("to", text))?,
            recipient: read(&self.destination, |text| address("destination", text))?,
            domain: read(&self.domain, |text| domain("domain", text))?,
            from: read(&self.from, |text| address("from", text))?,
            envelope_from: read(&self.envelope_from, |text| address("envelope_from", text))?,
            sending_domain: read(&self.sending_domain, |text| domain("sending_domain", text))?,
            message_id: read(&self.message_id, message_id)?,
            spf: read(&self.spf, |text| result("spf", text))?,
            dkim: read(&self.dkim, |text| result("dkim", text))?,
            dmarc: read(&self.dmarc, |text| result("dmarc", text))?,
            arc: read(&self.arc, |text| result("arc", text))?,
            class: read(&self.class, |text| plain("class", text))?,
            reply: read(&self.reply, |text| plain("reply", text))?.map(|text| text.to_lowercase()),
            since: read(&self.since, |text| read_time("since", text))?,
            until: read(&self.until, |text| read_time("until", text))?,
            campaign: None,
            complained: false,
        })
    }
}

fn result(field: &str, text: &str) -> Result<String, ApiError> {
    let words = MethodResult::ALL.map(MethodResult::as_str);
    let why = || ApiError::schema(field, format!("'{field}': a result is one of {}.", words.join(", ")));
    words.contains(&text).then(|| text.to_owned()).ok_or_else(why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mailwright_storage::activity::Status;
    use serde_json::{Value, json};

    #[test]
    fn mail_from_the_world_is_asked_for_in_its_own_words() {
        let routed = |query: Value| serde_json::from_value::<RoutedQuery>(query).unwrap().read();
        let read = routed(json!({
            "status": "forwarded", "to": "Ann@Shop.Example", "destination": "ann@big.example",
            "from": "Friend@World.Example", "envelope_from": "b@world.example", "spf": "softfail", "arc": "none",
        }));
        let text = |text: &str| Some(text.to_owned());
        let expected = ActivityFilter {
            status: Some(Status::Forwarded),
            addressed: text("ann@shop.example"),
            recipient: text("ann@big.example"),
            from: text("friend@world.example"),
            envelope_from: text("b@world.example"),
            spf: text("softfail"),
            arc: text("none"),
            ..ActivityFilter::default()
        };
        assert_eq!(read, Ok(expected));
        for (field, text) in [
            ("status", "delivered"),
            ("to", "ann"),
            ("destination", "@"),
            ("from", ""),
            ("spf", "good"),
            ("dmarc", "PASS"),
        ] {
            match routed(json!({ field: text })) {
                Ok(filter) => assert_eq!((text, filter), ("", ActivityFilter::default())),
                Err(error) => assert!(format!("{error:?}").contains(&format!("field: {field:?}"))),
            }
        }
    }
}
