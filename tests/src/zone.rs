//! Zones for the name server, plain or signed with a key of their own (DNSSEC, RFC 4033).

use std::fs;

use crate::error::{Context, Error, Result};
use crate::fetched;

/// Beneath the folder of fetched programs; signs a zone.
pub(crate) const SIGN_ZONE: &str = "usr/bin/ldns-signzone";

/// Beneath the folder of fetched programs; makes the key.
const MAKE_KEY: &str = "usr/bin/ldns-keygen";

/// A zone as the name server reads it.
#[derive(Clone, Debug)]
pub struct Zone {
    pub(crate) name: String,
    pub(crate) text: String,
}

impl Zone {
    /// Makes the zone `name` of `records`, in the form of a zone file and relative to the zone. Its SOA
    /// record and its name server, `ns`, are added.
    #[must_use]
    pub fn new(name: &str, records: &str) -> Self {
        let text = format!(
            "$ORIGIN {name}.\n$TTL 300\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\n{records}\n"
        );
        Self { name: name.into(), text }
    }

    /// Signs the zone with a new key (ECDSA P-256), valid for four weeks. A child zone that is to be secure
    /// too is signed first, its [`SignedZone::ds`] among the records of this one.
    ///
    /// # Errors
    /// [`Error::Unexpected`] if a record does not read.
    pub fn sign(&self) -> Result<SignedZone> {
        let files = tempfile::tempdir().context("make a temporary folder")?;
        let folder = files.path();
        let mut make_key = fetched::command(MAKE_KEY);
        make_key.current_dir(folder).args(["-k", "-a", "ECDSAP256SHA256", &self.name]);
        let key = fetched::output_of(&mut make_key)?.trim().to_owned();
        fs::write(folder.join("zone"), &self.text).context("write the zone")?;
        let mut sign = fetched::command(SIGN_ZONE);
        sign.current_dir(folder).args(["-f", "signed", "-o", &self.name, "zone", &key]);
        fetched::output_of(&mut sign)?;
        let read = |name: String| fs::read_to_string(folder.join(&name)).context(name);
        let zone = Self { name: self.name.clone(), text: read("signed".into())? };
        let (dnskey, ds) = (read(format!("{key}.key"))?, read(format!("{key}.ds"))?);
        Ok(SignedZone { zone, dnskey: record(&dnskey), ds: record(&ds) })
    }
}

/// A zone with its signatures.
#[derive(Clone, Debug)]
pub struct SignedZone {
    /// The zone.
    pub zone: Zone,
    /// Its key as a DNSKEY record on one line: the trust anchor of who is to believe the zone.
    pub dnskey: String,
    /// The digest of the key as a DS record on one line: for the parent zone, or as a trust anchor too.
    pub ds: String,
}

impl SignedZone {
    /// Returns the zone with `from` replaced by `to` after it was signed, as a forger would: validation of
    /// the records that change fails. `from` is written as in the signed file, names absolute.
    ///
    /// # Errors
    /// [`Error::Unexpected`] if there is no `from`: nothing would be forged.
    pub fn forged(&self, from: &str, to: &str) -> Result<Zone> {
        let Zone { name, text } = &self.zone;
        if !text.contains(from) {
            return Err(Error::unexpected(format!("forge {name}"), format!("no {from:?} in {text}")));
        }
        Ok(Zone { name: name.clone(), text: text.replace(from, to) })
    }
}

/// Takes the comment from a file of one record.
fn record(text: &str) -> String {
    text.split(';').next().unwrap_or_default().trim().to_owned()
}
