//! The parameters behind the paths of MAIL and RCPT (RFC 5321 section 4.1.2, `esmtp-param`).

use super::{
    command::CommandError,
    config::{Auth, Dsn, RequireTls},
};
use crate::{
    class::TransportSecurity,
    dsn::{DsnRequest, EnvelopeId, Notify, OriginalRecipient, RecipientDsn, Ret},
    envelope::{BodyType, SmtpUtf8},
};

/// What a session offers at the moment, as far as parameters go by it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Offers {
    pub(super) dsn: Dsn,
    pub(super) auth: Auth,
    pub(super) require_tls: RequireTls,
}

/// The parameters of MAIL as given; absent ones are `None`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct MailParams {
    pub(super) size: Option<u64>,
    pub(super) body: Option<BodyType>,
    pub(super) smtputf8: Option<SmtpUtf8>,
    pub(super) dsn: DsnRequest,
    pub(super) security: Option<TransportSecurity>,
}

/// Reads the parameters of MAIL: SIZE, BODY, SMTPUTF8 and, where offered, RET, ENVID, AUTH and REQUIRETLS.
pub(super) fn parse_mail_params(text: &str, offers: Offers) -> Result<MailParams, CommandError> {
    let mut params = MailParams::default();
    // Who submitted it in the first place (RFC 4954 section 5) is read for its form only: nobody here is trusted
    // to say so.
    let mut submitter = None;
    let dsn = offers.dsn == Dsn::Offered;
    for (keyword, value) in split(text)? {
        match keyword.to_ascii_uppercase().as_str() {
            "SIZE" => set(&mut params.size, value.and_then(parse_size))?,
            "BODY" => set(&mut params.body, Some(parse_body(value)?))?,
            "SMTPUTF8" => set(&mut params.smtputf8, value.is_none().then_some(SmtpUtf8::Needed))?,
            "RET" if dsn => set(&mut params.dsn.ret, value.and_then(Ret::parse))?,
            "ENVID" if dsn => set(&mut params.dsn.envid, value.and_then(EnvelopeId::parse))?,
            "AUTH" if offers.auth == Auth::Required => {
                set(&mut submitter, value.filter(|value| !value.is_empty()))?;
            }
            "REQUIRETLS" if offers.require_tls == RequireTls::Offered => {
                set(&mut params.security, value.is_none().then_some(TransportSecurity::Required))?;
            }
            _ => return Err(CommandError::UnknownParameter),
        }
    }
    Ok(params)
}

/// Reads the parameters of RCPT: NOTIFY and ORCPT, if DSN is offered.
pub(super) fn parse_rcpt_params(text: &str, dsn: Dsn) -> Result<RecipientDsn, CommandError> {
    let mut params = RecipientDsn::default();
    for (keyword, value) in split(text)? {
        match (keyword.to_ascii_uppercase().as_str(), dsn) {
            ("NOTIFY", Dsn::Offered) => set(&mut params.notify, value.and_then(Notify::parse))?,
            ("ORCPT", Dsn::Offered) => {
                set(&mut params.orcpt, value.and_then(OriginalRecipient::parse))?;
            }
            _ => return Err(CommandError::UnknownParameter),
        }
    }
    Ok(params)
}

/// Fills a parameter that must be well-formed and may be given only once.
fn set<T>(slot: &mut Option<T>, value: Option<T>) -> Result<(), CommandError> {
    match value {
        Some(value) if slot.is_none() => {
            *slot = Some(value);
            Ok(())
        }
        _ => Err(CommandError::Syntax),
    }
}

/// Cuts ` KEYWORD=value KEYWORD` into its parts; what follows the path must begin with a space.
fn split(text: &str) -> Result<impl Iterator<Item = (&str, Option<&str>)>, CommandError> {
    if !text.is_empty() && !text.starts_with(' ') {
        return Err(CommandError::Syntax);
    }
    Ok(text.split(' ').filter(|param| !param.is_empty()).map(|param| match param.split_once('=') {
        Some((keyword, value)) => (keyword, Some(value)),
        None => (param, None),
    }))
}

/// Reads 1 to 20 digits (RFC 1870 section 4); a number beyond 64 bits is as good as the largest.
fn parse_size(value: &str) -> Option<u64> {
    let digits = (1..=20).contains(&value.len()) && value.bytes().all(|octet| octet.is_ascii_digit());
    digits.then(|| value.parse().unwrap_or(u64::MAX))
}

/// Reads BODY (RFC 6152). `BINARYMIME` (RFC 3030) is not offered, for it could not be relayed by DATA.
fn parse_body(value: Option<&str>) -> Result<BodyType, CommandError> {
    match value {
        Some(value) if value.eq_ignore_ascii_case("7BIT") => Ok(BodyType::SevenBit),
        Some(value) if value.eq_ignore_ascii_case("8BITMIME") => Ok(BodyType::EightBitMime),
        _ => Err(CommandError::BadBody),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Offers = Offers { dsn: Dsn::Offered, auth: Auth::Required, require_tls: RequireTls::Offered };

    #[test]
    fn reads_the_parameters_of_mail() {
        let params = parse_mail_params(" SIZE=10  body=8bitmime SMTPUTF8 ", Offers::default()).unwrap();
        assert_eq!((params.size, params.body), (Some(10), Some(BodyType::EightBitMime)));
        assert_eq!(params.smtputf8, Some(SmtpUtf8::Needed));
        assert_eq!(parse_mail_params("", Offers::default()), Ok(MailParams::default()));
        let huge = parse_mail_params(" SIZE=99999999999999999999", Offers::default()).unwrap();
        assert_eq!(huge.size, Some(u64::MAX));
    }

    #[test]
    fn refuses_what_it_cannot_honour() {
        let cases = [
            ("SIZE=1", CommandError::Syntax),
            (" SIZE", CommandError::Syntax),
            (" SIZE=", CommandError::Syntax),
            (" SIZE=+1", CommandError::Syntax),
            (" SIZE=100000000000000000000", CommandError::Syntax),
            (" SIZE=1 SIZE=1", CommandError::Syntax),
            (" SMTPUTF8=1", CommandError::Syntax),
            (" BODY=BINARYMIME", CommandError::BadBody),
            (" BODY", CommandError::BadBody),
            (" =1", CommandError::UnknownParameter),
            (" AUTH=<>", CommandError::UnknownParameter),
            (" RET=FULL", CommandError::UnknownParameter),
            (" ENVID=a", CommandError::UnknownParameter),
            (" REQUIRETLS", CommandError::UnknownParameter),
        ];
        for (text, error) in cases {
            assert_eq!(parse_mail_params(text, Offers::default()), Err(error), "{text:?}");
        }
        assert_eq!(parse_rcpt_params(" NOTIFY=NEVER", Dsn::NotOffered), Err(CommandError::UnknownParameter));
    }

    #[test]
    fn reads_dsn_parameters_when_offered() {
        let mail = parse_mail_params(" RET=hdrs ENVID=x+2By", ALL).unwrap();
        let envid = mail.dsn.envid.as_ref().map(EnvelopeId::as_str);
        assert_eq!((mail.dsn.ret, envid), (Some(Ret::Headers), Some("x+y")));
        let rcpt = parse_rcpt_params(" NOTIFY=FAILURE ORCPT=rfc822;a@b.example", Dsn::Offered).unwrap();
        assert!(rcpt.notify.unwrap().on_failure());
        assert_eq!(rcpt.orcpt.unwrap().address(), "a@b.example");
        assert_eq!(parse_rcpt_params(" NOTIFY=MAYBE", Dsn::Offered), Err(CommandError::Syntax));
    }

    #[test]
    fn reads_the_parameters_of_submission_when_offered() {
        let params = parse_mail_params(" requiretls AUTH=<>", ALL).unwrap();
        assert_eq!(params.security, Some(TransportSecurity::Required));
        for wrong in [" REQUIRETLS=yes", " REQUIRETLS REQUIRETLS", " AUTH", " AUTH=", " AUTH=<> AUTH=<>"] {
            assert_eq!(parse_mail_params(wrong, ALL), Err(CommandError::Syntax), "{wrong:?}");
        }
    }
}
