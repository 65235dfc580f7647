//! The chain of those who passed a message on.

use super::{
    Authenticator,
    dkim::{key_name, words},
    texts::View,
};
use mail_auth::{AuthenticatedMessage, Error, Parameters, arc::ArcError, common::crypto::Algorithm};
use mailwright_engine::authentication::{ArcChain, ArcResult, MAX_INSTANCE, MethodResult};

impl Authenticator {
    /// Checks the chain: the newest signature, and all seals.
    pub(super) async fn arc(&self, message: &AuthenticatedMessage<'_>, view: &View<'_>) -> ArcResult {
        let output = self.inner.mail_auth.verify_arc(Parameters::new(message).with_txt_cache(view)).await;
        let (result, reason) = match output.result() {
            mail_auth::DkimResult::None => return ArcResult::default(),
            mail_auth::DkimResult::Pass => match unacceptable(message) {
                Some(why) => (MethodResult::Fail, Some(why)),
                None => (MethodResult::Pass, None),
            },
            mail_auth::DkimResult::TempError(error) => (MethodResult::TempError, Some(why(error))),
            mail_auth::DkimResult::Neutral(error)
            | mail_auth::DkimResult::Fail(error)
            | mail_auth::DkimResult::PermError(error) => (MethodResult::Fail, Some(why(error))),
        };
        ArcResult {
            result,
            sealers: output.sets().iter().map(|set| set.seal.header.d.to_ascii_lowercase()).collect(),
            first_dmarc: ArcChain::read(message.raw_message).first_result("dmarc"),
            reason,
        }
    }
}

/// The names of the keys that the chain is checked with; none of one that is too long to be checked.
pub(super) fn key_names(message: &AuthenticatedMessage<'_>) -> Vec<String> {
    let is_too_long = u32::try_from(message.as_headers.len()).map_or(true, |sets| sets > MAX_INSTANCE);
    if message.has_arc_errors || is_too_long {
        return Vec::new();
    }
    let newest = message.ams_headers.last().map(|header| key_name(&header.header));
    message.as_headers.iter().map(|header| key_name(&header.header)).chain(newest).collect()
}

/// Has a chain by SHA-1, or of fields without the others of their sets, fail before it is checked.
pub(super) fn screen(message: &mut AuthenticatedMessage<'_>) {
    let seals = message.as_headers.iter().map(|header| header.header.a);
    let mut all = message.ams_headers.iter().map(|header| header.header.a).chain(seals);
    let has_sha1 = all.any(|algorithm| algorithm == Algorithm::RsaSha1);
    let (signatures, seals, results) =
        (message.ams_headers.len(), message.as_headers.len(), message.aar_headers.len());
    message.has_arc_errors |= has_sha1 || signatures != seals || seals != results;
}

/// What mail-auth lets pass, and we do not.
fn unacceptable(message: &AuthenticatedMessage<'_>) -> Option<String> {
    let covers = &message.ams_headers.last()?.header.h;
    let has_from = covers.iter().any(|name| name.trim().eq_ignore_ascii_case("From"));
    (!has_from).then(|| "the newest signature does not cover From".to_owned())
}

fn why(error: &Error) -> String {
    match error {
        Error::Arc(ArcError::FailedBodyHashMatch) => "the body is not what was signed last".to_owned(),
        Error::Arc(error) => error.to_string(),
        error => words(error).to_owned(),
    }
}
