//! One order: the authority is asked, looks at the challenge, and gives its certificate (RFC 8555 section 7.4).

use super::challenges::{Challenges, OpenChallenge};
use instant_acme::{
    Account, AuthorizationStatus, ChallengeType, Error, Identifier, NewOrder, Order, OrderStatus, Problem,
    RetryPolicy,
};
use mailwright_actors::tls::TlsError;
use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use std::time::Duration;

/// How often it is asked whether the authority has come further: ever less often, for at most two minutes.
const POLLS: RetryPolicy = RetryPolicy::new()
    .initial_delay(Duration::from_millis(250))
    .backoff(1.5)
    .timeout(Duration::from_secs(120));

/// Why an order brought no certificate.
#[derive(Debug, thiserror::Error)]
pub(super) enum OrderError {
    /// The authority will not vouch for the name; holds its words.
    #[error("{0}")]
    Refused(String),
    /// It did not answer, or has no time for us now.
    #[error("{0}")]
    Failed(String),
    /// It does not know our account.
    #[error("{0}")]
    NoAccount(String),
}

impl From<Error> for OrderError {
    fn from(error: Error) -> Self {
        match error {
            Error::Api(problem) => problem.into(),
            error => Self::Failed(error.to_string()),
        }
    }
}

impl From<Problem> for OrderError {
    fn from(problem: Problem) -> Self {
        let words = problem.to_string();
        let kind = problem.r#type.as_deref().and_then(|kind| kind.rsplit(':').next());
        match kind.unwrap_or_default() {
            "accountDoesNotExist" => Self::NoAccount(words),
            "rateLimited" | "serverInternal" | "badNonce" | "userActionRequired" => Self::Failed(words),
            _ if problem.status.is_some_and(|status| status >= 500) => Self::Failed(words),
            _ => Self::Refused(words),
        }
    }
}

impl From<TlsError> for OrderError {
    fn from(error: TlsError) -> Self {
        Self::Refused(error.to_string())
    }
}

impl From<rcgen::Error> for OrderError {
    fn from(error: rcgen::Error) -> Self {
        Self::Refused(error.to_string())
    }
}

/// Gets a certificate for `name` and `key`, with those that lead to a root, in PEM. Takes a few seconds, at most some
/// minutes.
///
/// # Errors
/// [`OrderError`] when there is none to be had.
pub(super) async fn order(
    account: &Account,
    name: &str,
    key: &KeyPair,
    challenges: &Challenges,
) -> Result<String, OrderError> {
    let identifiers = [Identifier::Dns(name.to_owned())];
    let mut order = account.new_order(&NewOrder::new(&identifiers)).await?;
    let open = answer_challenges(&mut order, name, challenges).await?;
    let ready = order.poll_ready(&POLLS).await;
    drop(open);
    match ready {
        Ok(OrderStatus::Ready) => {}
        Ok(_) | Err(Error::Api(_)) => return Err(refusal(&mut order, ready).await),
        Err(error) => return Err(error.into()),
    }
    order.finalize_csr(&signing_request(name, key)?).await?;
    Ok(order.poll_certificate(&POLLS).await?)
}

/// Answers every challenge that is open, for as long as what is returned is kept.
async fn answer_challenges(
    order: &mut Order,
    name: &str,
    challenges: &Challenges,
) -> Result<Vec<OpenChallenge>, OrderError> {
    let mut open = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let Some(mut challenge) = authorization.challenge(ChallengeType::TlsAlpn01) else {
            return Err(OrderError::Refused("the authority offers no tls-alpn-01 challenge".to_owned()));
        };
        let digest = challenge.key_authorization().digest();
        let digest = digest.as_ref().try_into().map_err(|_| Error::Str("a digest of SHA-256"))?;
        open.push(challenges.open(name, digest)?);
        challenge.set_ready().await?;
    }
    Ok(open)
}

/// Why an order is invalid: what the authority says of the challenge, or else of the order.
async fn refusal(order: &mut Order, ready: Result<OrderStatus, Error>) -> OrderError {
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        let Ok(state) = authorization.refresh().await else { continue };
        if let Some(problem) = state.challenges.iter().find_map(|challenge| challenge.error.clone()) {
            return OrderError::Refused(problem.to_string());
        }
    }
    match ready {
        Ok(status) => OrderError::Refused(format!("the order became {status:?}, and nobody says why")),
        Err(error) => error.into(),
    }
}

/// What the certificate is to say: one name, and nothing about anybody.
fn signing_request(name: &str, key: &KeyPair) -> Result<Vec<u8>, rcgen::Error> {
    let mut params = CertificateParams::new([name.to_owned()])?;
    params.distinguished_name = DistinguishedName::new();
    Ok(params.serialize_request(key)?.der().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(kind: &str, status: u16) -> OrderError {
        let problem =
            format!(r#"{{"type": "urn:ietf:params:acme:error:{kind}", "detail": "no", "status": {status}}}"#);
        serde_json::from_str::<Problem>(&problem).unwrap().into()
    }

    #[test]
    fn what_the_authority_says_of_a_name_is_told_from_what_it_says_of_itself() {
        for (kind, status) in [("rejectedIdentifier", 400), ("caa", 403), ("unauthorized", 403), ("dns", 400)]
        {
            assert!(matches!(judged(kind, status), OrderError::Refused(_)), "{kind}");
        }
        for (kind, status) in [("rateLimited", 429), ("serverInternal", 500), ("unheardOf", 503)] {
            assert!(matches!(judged(kind, status), OrderError::Failed(_)), "{kind}");
        }
        assert!(matches!(judged("accountDoesNotExist", 400), OrderError::NoAccount(_)));
    }
}
