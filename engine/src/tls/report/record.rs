//! The TXT record that asks for reports (RFC 8460 section 3).

use crate::{
    address::{AddressError, EmailAddress},
    tls::txt::{self, TxtError},
};
use std::borrow::Cow;

/// What a record of this RFC begins with.
const VERSION: &str = "v=TLSRPTv1";
/// Most destinations taken from one record; further ones are passed over.
pub const MAX_DESTINATIONS: usize = 10;

/// Where reports about a domain go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsRptRecord {
    destinations: Vec<ReportDestination>,
}

/// One place that takes reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReportDestination {
    /// By mail (section 5.3).
    Mail(EmailAddress),
    /// By HTTPS POST to this URL (section 5.4). A stranger chose it: the address connected to must be a
    /// public one.
    Https(String),
}

/// Why a domain's TXT records ask for no reports although that was meant. To be treated as no record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsRptRecordError {
    /// The records are not of the common form.
    #[error("TLS-RPT: {0}")]
    Txt(#[from] TxtError),
    /// There is no field `rua`.
    #[error("the TLS-RPT record has no rua field")]
    NoDestination,
    /// A `mailto:` destination is no address.
    #[error("the TLS-RPT record wants mail to what is no address: {0}")]
    Address(#[from] AddressError),
    /// A `mailto:` destination has a `%` without two hexadecimal digits, or encodes what is no text.
    #[error("the TLS-RPT record has the destination {0:?}, in which a % is wrong")]
    Encoding(String),
    /// No destination is of a kind that we know.
    #[error("the TLS-RPT record has no destination that begins with mailto: or https:")]
    UnknownSchemes,
}

impl TlsRptRecord {
    /// Reads the record among all TXT records at [`record_name`](super::record_name), each with its strings
    /// joined. `None` when none of them is about TLS-RPT. Destinations of unknown schemes are passed over.
    ///
    /// # Errors
    /// When there are several records or the one is malformed. Section 3 has the sender act as if there were
    /// none; the error says why, for a log.
    pub fn find<'a>(records: impl IntoIterator<Item = &'a [u8]>) -> Result<Option<Self>, TlsRptRecordError> {
        let Some(fields) = txt::sole_record(records, VERSION)? else { return Ok(None) };
        let rua = fields.into_iter().find(|(name, _)| *name == "rua");
        let (_, uris) = rua.ok_or(TlsRptRecordError::NoDestination)?;
        let known = uris.split(',').filter_map(|uri| read_uri(uri.trim()).transpose());
        let destinations = known.take(MAX_DESTINATIONS).collect::<Result<Vec<_>, _>>()?;
        if destinations.is_empty() {
            return Err(TlsRptRecordError::UnknownSchemes);
        }
        Ok(Some(Self { destinations }))
    }

    /// Where to send reports, in the order of the record: each gets its own copy. Never empty, at most
    /// [`MAX_DESTINATIONS`].
    pub fn destinations(&self) -> &[ReportDestination] {
        &self.destinations
    }
}

fn read_uri(uri: &str) -> Result<Option<ReportDestination>, TlsRptRecordError> {
    let Some((scheme, rest)) = uri.split_once(':') else { return Ok(None) };
    if scheme.eq_ignore_ascii_case("mailto") {
        // What follows a question mark are header fields (RFC 6068), which we do not take from strangers.
        let encoded = rest.split('?').next().unwrap_or_default();
        let address = decode(encoded).ok_or_else(|| TlsRptRecordError::Encoding(encoded.to_owned()))?;
        return Ok(Some(ReportDestination::Mail(EmailAddress::parse(&address)?)));
    }
    let is_url = scheme.eq_ignore_ascii_case("https")
        && rest.strip_prefix("//").is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['/', '?', '#']))
        && uri.bytes().all(|b| b.is_ascii_graphic());
    Ok(is_url.then(|| ReportDestination::Https(uri.to_owned())))
}

/// Undoes percent-encoding (RFC 3986 section 2.1); `None` where it is malformed.
fn decode(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return Some(Cow::Borrowed(text));
    }
    let mut pieces = text.split('%');
    let mut octets = pieces.next()?.as_bytes().to_vec();
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(2)?;
        octets.extend(data_encoding::HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).ok()?);
        octets.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(octets).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn find(records: &[&str]) -> Result<Option<TlsRptRecord>, TlsRptRecordError> {
        TlsRptRecord::find(records.iter().map(|record| record.as_bytes()))
    }

    fn mail(address: &str) -> ReportDestination {
        ReportDestination::Mail(EmailAddress::parse(address).unwrap())
    }

    fn https(url: &str) -> ReportDestination {
        ReportDestination::Https(url.to_owned())
    }

    #[test]
    fn reads_the_examples_of_the_rfc_and_their_relatives() {
        let cases = [
            ("v=TLSRPTv1;rua=mailto:reports@example.com", vec![mail("reports@example.com")]),
            (
                "v=TLSRPTv1; rua=https://reporting.example.com/v1/tlsrpt",
                vec![https("https://reporting.example.com/v1/tlsrpt")],
            ),
            (
                "v=TLSRPTv1; rua=mailto:a@b.example , HTTPS://c.example/?x=1; later=2;",
                vec![mail("a@b.example"), https("HTTPS://c.example/?x=1")],
            ),
            ("v=TLSRPTv1; rua=mailto:a%21%62@d.example?subject=x", vec![mail("a!b@d.example")]),
            (
                "v=TLSRPTv1; rua=ftp://x.example,http://y.example,mailto:a@b.example",
                vec![mail("a@b.example")],
            ),
        ];
        for (record, expected) in cases {
            let found = find(&[record]).unwrap().unwrap();
            assert_eq!(found.destinations(), expected, "{record}");
        }
    }

    #[test]
    fn passes_over_records_about_other_things() {
        assert_eq!(find(&[]), Ok(None));
        assert_eq!(find(&["v=spf1", "v=TLSRPTv2; rua=mailto:a@b.example", "v=TLSRPTv1"]), Ok(None));
    }

    #[test]
    fn says_why_a_record_does_not_count() {
        let good = "v=TLSRPTv1; rua=mailto:a@b.example";
        let cases: [(&[&str], &str); 8] = [
            (&[good, good], "2 TXT records begin with v=TLSRPTv1"),
            (&["v=TLSRPTv1;"], "no rua field"),
            (&["v=TLSRPTv1; rua="], "no destination that begins with"),
            (&["v=TLSRPTv1; rua=https:///x,https://a\u{e9}.example"], "no destination that begins with"),
            (&["v=TLSRPTv1; rua=mailto:nobody"], "what is no address"),
            (&["v=TLSRPTv1; rua=mailto:a%0d%0aBcc:x@b.example"], "what is no address"),
            (&["v=TLSRPTv1; rua=mailto:a%2@b.example"], "a % is wrong"),
            (&["v=TLSRPTv1; rua=mailto:a%ff@b.example"], "a % is wrong"),
        ];
        for (records, expected) in cases {
            let error = find(records).unwrap_err().to_string();
            assert!(error.contains(expected), "{records:?}: {error}");
        }
    }

    #[test]
    fn takes_a_bounded_number_of_destinations() {
        let many = format!("v=TLSRPTv1; rua={}", "mailto:a@b.example,".repeat(50));
        assert_eq!(find(&[&many]).unwrap().unwrap().destinations().len(), MAX_DESTINATIONS);
    }

    proptest! {
        #[test]
        fn any_octets_are_read_or_refused(junk in proptest::collection::vec(any::<u8>(), 0..80)) {
            for start in [b"v=TLSRPTv1;".as_slice(), b"v=TLSRPTv1;rua=mailto:", b"v=TLSRPTv1;rua=https://a"] {
                let record = [start, &junk].concat();
                if let Ok(Some(found)) = TlsRptRecord::find([record.as_slice()]) {
                    prop_assert!(!found.destinations().is_empty());
                }
            }
        }
    }
}
