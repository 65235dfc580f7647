//! Signatures: which of them are looked at, and what becomes of them.
//!
//! mail-auth checks the arithmetic; what it lets pass and RFC 6376 does not, is sorted out before: signatures without a
//! version, that do not cover From, by SHA-1 or a key of another age (RFC 8301), or on a part of the body only.

use super::{
    Authenticator,
    body::Hashed,
    texts::{Found, View, is_temporary},
};
use data_encoding::BASE64;
use futures_util::future::join_all;
use mail_auth::{
    AuthenticatedMessage, DkimOutput, Error, Parameters, Txt,
    common::{
        crypto::Algorithm,
        headers::Header,
        resolver::ToFqdn,
        verify::{DomainKey, VerifySignature},
    },
    dkim::{DkimError, Signature},
};
use mailwright_engine::authentication::{DkimResult, MethodResult};

/// Most signatures looked at; mail has one to three.
const MOST_SIGNATURES: usize = 10;
/// Sizes of RSA keys that are used, in bits: less is broken (RFC 8301 section 3.2), more costs too much time.
const RSA_BITS: std::ops::RangeInclusive<usize> = 1024..=4096;

/// A signature before it is checked.
enum Screened {
    /// What becomes of it is known.
    Settled(DkimResult),
    /// It is to be checked; the place it has among those in the message, and what is said of it.
    ToCheck(DkimResult),
}

/// Takes the signatures out of the message that are not to be checked, and says of every one what becomes of it or that
/// it is to be checked, from the top down.
pub(super) struct Signatures(Vec<Screened>);

impl Signatures {
    pub(super) fn screen(message: &mut AuthenticatedMessage<'_>, body: &Hashed) -> Self {
        let mut found: Vec<_> = std::mem::take(&mut message.dkim_headers)
            .into_iter()
            .map(|h| (h.name, h.value, Ok(h.header)))
            .collect();
        let is_signature = |name: &[u8]| name.trim_ascii().eq_ignore_ascii_case(b"DKIM-Signature");
        let (wrong, others) =
            std::mem::take(&mut message.errors).into_iter().partition(|error| is_signature(error.name));
        message.errors = others;
        let wrong: Vec<Header<'_, Error>> = wrong;
        found.extend(wrong.into_iter().map(|h| (h.name, h.value, Err(h.header))));
        // They are slices of one message.
        found.sort_by_key(|(_, value, _)| value.as_ptr());
        let mut screened = Vec::new();
        for (name, value, read) in found.into_iter().take(MOST_SIGNATURES) {
            let read = match read {
                Err(Error::Dkim(DkimError::SignatureLength)) => {
                    covering_all(value, body).map_err(|result| *result)
                }
                Err(error) => Err(unreadable(&error)),
                Ok(signature) => Ok(signature),
            };
            screened.push(match read {
                Err(result) => Screened::Settled(result),
                Ok(mut signature) => match unacceptable(&signature) {
                    Some(result) => Screened::Settled(result),
                    None => {
                        // Reports and third parties (RFC 6651, RFC 6541) have nobody who asks for them.
                        (signature.r, signature.atps) = (false, None);
                        let described = described(&signature, MethodResult::None, None);
                        message.dkim_headers.push(Header::new(name, value, signature));
                        Screened::ToCheck(described)
                    }
                },
            });
        }
        Self(screened)
    }
}

impl Authenticator {
    /// Checks what was left in the message after screening. The outputs are of the signatures that could be checked.
    pub(super) async fn dkim<'m>(
        &self,
        message: &'m AuthenticatedMessage<'m>,
        signatures: Signatures,
        keys: &[(Box<str>, Found<DomainKey>)],
        view: &'m View<'m>,
    ) -> (Vec<DkimResult>, Vec<DkimOutput<'m>>) {
        let outputs = self.inner.mail_auth.verify_dkim(Parameters::new(message).with_txt_cache(view)).await;
        let mut checked = message.dkim_headers.iter().zip(&outputs);
        let results = signatures.0.into_iter().map(|screened| match screened {
            Screened::Settled(result) => result,
            Screened::ToCheck(described) => match checked.next() {
                Some((header, output)) => judged(described, &header.header, output, keys),
                None => described,
            },
        });
        let results = results.collect();
        (results, outputs)
    }

    /// Looks up the keys at these names.
    pub(super) async fn keys(&self, mut names: Vec<String>) -> Vec<(Box<str>, Found<DomainKey>)> {
        names.sort();
        names.dedup();
        let look_up = async |name: String| {
            let found = self.inner.keys.get(&name).await;
            (name.into_boxed_str(), found)
        };
        join_all(names.into_iter().map(look_up)).await
    }
}

/// The names of the keys that the message's signatures are checked with.
pub(super) fn key_names(message: &AuthenticatedMessage<'_>) -> Vec<String> {
    message.dkim_headers.iter().map(|header| key_name(&header.header)).collect()
}

/// The name of a signature's key, as mail-auth looks for it.
pub(super) fn key_name(signature: &impl VerifySignature) -> String {
    signature.domain_key().to_fqdn().into_owned()
}

/// Why a key is not used, whatever it says.
pub(super) fn unusable(found: &Found<DomainKey>) -> Option<String> {
    let Found::Record(key, _) = found else { return None };
    // Ed25519 keys have one size, and say the largest number there is.
    let bits = Some(key.p.public_key_bits()).filter(|bits| *bits != usize::MAX && *bits > 0)?;
    let (least, most) = (RSA_BITS.start(), RSA_BITS.end());
    (!RSA_BITS.contains(&bits)).then(|| format!("its RSA key has {bits} bits, not {least} to {most}"))
}

/// The keys as mail-auth is to find them; one that is not used is none.
pub(super) fn view(keys: &[(Box<str>, Found<DomainKey>)]) -> View<'static> {
    View::new(keys.iter().map(|(name, found)| (name.clone(), as_usable(found))), None)
}

fn as_usable(found: &Found<DomainKey>) -> Txt {
    if unusable(found).is_some() {
        Txt::Error(Error::Dkim(DkimError::UnsupportedKeyType))
    } else {
        found.txt()
    }
}

/// A signature with `l=`, if that is the whole body: then nobody can add to it. Else what becomes of it.
fn covering_all(value: &[u8], body: &Hashed) -> Result<Signature, Box<DkimResult>> {
    let mut signature = Signature::parse(value).map_err(|error| unreadable(&error))?;
    let octets = body.octets(signature.cb).unwrap_or_default();
    if signature.l < octets {
        let why = format!("it covers {} of the body's {octets} octets", signature.l);
        return Err(described(&signature, MethodResult::Policy, Some(why)).into());
    }
    if signature.l > octets {
        let why = format!("it covers {} octets, and the body has {octets}", signature.l);
        return Err(described(&signature, MethodResult::PermError, Some(why)).into());
    }
    signature.l = 0;
    Ok(signature)
}

/// What becomes of a signature that does not read.
fn unreadable(error: &Error) -> DkimResult {
    // RFC 8601 section 2.7.1: a tag that is required and missing is for good, what cannot be read is neutral.
    let result = if matches!(error, Error::MissingParameters) {
        MethodResult::PermError
    } else {
        MethodResult::Neutral
    };
    DkimResult { result, reason: Some(words(error).to_owned()), ..DkimResult::default() }
}

/// What becomes of a signature that is not to be used, however good its arithmetic.
fn unacceptable(signature: &Signature) -> Option<DkimResult> {
    let (result, why) = if signature.v != 1 {
        (MethodResult::PermError, "it has no v=1")
    } else if !signature.h.iter().any(|name| name.trim().eq_ignore_ascii_case("From")) {
        (MethodResult::PermError, "it does not cover From")
    } else if signature.a == Algorithm::RsaSha1 {
        (MethodResult::Policy, "SHA-1 is not safe (RFC 8301)")
    } else {
        return None;
    };
    Some(described(signature, result, Some(why.to_owned())))
}

fn described(signature: &Signature, result: MethodResult, reason: Option<String>) -> DkimResult {
    DkimResult {
        result,
        domain: signature.d.to_ascii_lowercase(),
        selector: signature.s.clone(),
        identity: (!signature.i.is_empty()).then(|| signature.i.clone()),
        algorithm: signature.a.name().to_owned(),
        signature: BASE64.encode(&signature.b).chars().take(8).collect(),
        reason,
    }
}

/// What mail-auth found, in the words of RFC 8601.
fn judged(
    described: DkimResult,
    signature: &Signature,
    output: &DkimOutput<'_>,
    keys: &[(Box<str>, Found<DomainKey>)],
) -> DkimResult {
    let (result, reason) = match output.result() {
        mail_auth::DkimResult::Pass => (MethodResult::Pass, None),
        mail_auth::DkimResult::None => (MethodResult::None, None),
        mail_auth::DkimResult::Neutral(error)
        | mail_auth::DkimResult::Fail(error)
        | mail_auth::DkimResult::PermError(error)
        | mail_auth::DkimResult::TempError(error) => {
            let name = key_name(signature);
            let key = keys.iter().find(|(known, _)| **known == *name);
            match key.and_then(|(_, found)| unusable(found)) {
                Some(why) => (MethodResult::Policy, Some(why)),
                None => (result_of(error), Some(words(error).to_owned())),
            }
        }
    };
    DkimResult { result, reason, ..described }
}

/// RFC 8601 section 2.7.1: what was checked and does not hold has failed; what cannot be checked is an error.
fn result_of(error: &Error) -> MethodResult {
    match error {
        Error::Crypto(_) => MethodResult::Fail,
        Error::Dkim(
            DkimError::FailedBodyHashMatch | DkimError::FailedAuidMatch | DkimError::SignatureExpired,
        ) => MethodResult::Fail,
        error if is_temporary(error) => MethodResult::TempError,
        _ => MethodResult::PermError,
    }
}

/// Why a signature does not pass, for whoever has to set it right.
pub(super) fn words(error: &Error) -> &'static str {
    match error {
        Error::Dkim(DkimError::FailedBodyHashMatch) => "the body is not what was signed",
        Error::Dkim(DkimError::FailedAuidMatch) => "i= is not of the domain in d=",
        Error::Dkim(DkimError::SignatureExpired) => "it has expired",
        Error::Dkim(DkimError::RevokedPublicKey) => "its key was revoked",
        Error::Dkim(DkimError::UnsupportedVersion) => "its version is not 1",
        Error::Dkim(DkimError::UnsupportedAlgorithm) => "its algorithm is not known",
        Error::Dkim(DkimError::UnsupportedCanonicalization) => "its canonical form is not known",
        Error::Dkim(DkimError::UnsupportedKeyType) => "the kind of its key is not known",
        Error::Crypto(_) => "the header is not what was signed, or not with this key",
        Error::MissingParameters => "a tag is missing",
        Error::Base64 => "it is not base64",
        Error::Dns(mail_auth::DnsError::RecordNotFound(_)) => "there is no key at its name",
        Error::Dns(mail_auth::DnsError::Resolver(_)) => "its key cannot be looked up for now",
        Error::Dns(mail_auth::DnsError::InvalidRecordType) | Error::ParseError => "its key cannot be read",
        _ => "it cannot be read",
    }
}

#[cfg(test)]
mod tests;
