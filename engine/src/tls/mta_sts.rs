//! MTA-STS (RFC 8461): a domain says over HTTPS which hosts take its mail, and that they have valid
//! certificates.
//!
//! How a policy is found, and which part of it is whose:
//!
//! 1. The TXT record at [`record_name`] announces a policy and names its version ([`StsRecord::find`]). It
//!    comes over plain DNS, so it may only ever cause a fetch, never end a policy.
//! 2. [`StsCacheEntry::next_step`] says whether to fetch. The fetch is an HTTPS GET of [`policy_url`] with
//!    these rules (section 3.3): the certificate is valid for [`policy_host`] by the public roots; redirects
//!    are *not* followed; the response is a 200 of type `text/plain`; it is waited for at most a minute. The
//!    address connected to must be a public one, since a stranger chose it.
//! 3. [`StsPolicy::from_response`] judges the response, and the cache entry keeps it or the failure.
//! 4. [`StsCacheEntry::in_force`] is the policy to apply: the last good one until it expires, whatever DNS
//!    and HTTPS say meanwhile.
//!
//! A domain that is an address literal has no policy.

mod cache;
mod file;
mod record;

pub use cache::{FETCH_PAUSE, REFRESH_AFTER, StsCacheEntry, StsStep};
pub use file::{
    MAX_AGE, MAX_MX_PATTERNS, MAX_POLICY_BYTES, MxPattern, StsFetchError, StsMode, StsPolicy, StsPolicyError,
};
pub use record::{InvalidStsId, StsRecord, StsRecordError};

use crate::address::Domain;

/// Where the TXT record of `domain` is found (section 3.1).
pub fn record_name(domain: &Domain) -> String {
    format!("_mta-sts.{domain}")
}

/// The host that serves the policy of `domain`, for which its certificate must be valid (section 3.3).
pub fn policy_host(domain: &Domain) -> String {
    format!("mta-sts.{domain}")
}

/// Where the policy of `domain` is fetched from (section 3.3).
pub fn policy_url(domain: &Domain) -> String {
    format!("https://{}/.well-known/mta-sts.txt", policy_host(domain))
}
