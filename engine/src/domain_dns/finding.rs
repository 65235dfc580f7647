//! What a check found.

use serde::Serialize;
use std::fmt;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know; nothing has to be done.
    Note,
    /// Mail goes out, and some receivers will trust it less.
    Warning,
    /// Must be mended: mail fails authentication or is refused.
    Error,
}

/// Which part of the set-up a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Area {
    /// The MX records of the return-path domain.
    ReturnPath,
    /// SPF.
    Spf,
    /// DKIM.
    Dkim,
    /// DMARC.
    Dmarc,
    /// The MX records of the domain itself.
    Mx,
    /// The MX records of a name whose mail is routed.
    RoutingMx,
    /// MTA-STS.
    MtaSts,
    /// Reports about TLS.
    TlsRpt,
    /// DANE.
    Dane,
    /// BIMI.
    Bimi,
    /// Names of our own addresses.
    ReverseDns,
    /// Block lists.
    BlockList,
}

impl Area {
    /// As a heading.
    pub const fn title(self) -> &'static str {
        match self {
            Self::ReturnPath => "Return path",
            Self::Spf => "SPF",
            Self::Dkim => "DKIM",
            Self::Dmarc => "DMARC",
            Self::Mx => "MX",
            Self::RoutingMx => "Routing",
            Self::MtaSts => "MTA-STS",
            Self::TlsRpt => "TLS-RPT",
            Self::Dane => "DANE",
            Self::Bimi => "BIMI",
            Self::ReverseDns => "Reverse DNS and EHLO",
            Self::BlockList => "Block lists",
        }
    }
}

/// Declares [`Code`] with the name of each code in the API.
macro_rules! codes {
    ($($(#[$meta:meta])* $variant:ident = $name:literal,)*) => {
        /// What a finding says, for programs. The names of SPF and of DMARC are those of the service's own
        /// `email_auth` routes where it has one.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub enum Code {
            $($(#[$meta])* #[serde(rename = $name)] $variant,)*
        }

        impl Code {
            /// As the API writes it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

codes! {
    /// The DNS gave no usable answer: nothing is known.
    LookupFailed = "lookup_failed",
    /// There is no SPF record.
    SpfNotFound = "spf_not_found",
    /// There is more than one SPF record.
    MultipleSpf = "multiple_spf",
    /// A record that is meant to be SPF does not begin with `v=spf1`.
    InvalidSpf = "invalid_spf",
    /// A name in an SPF record is no domain name.
    InvalidDomain = "invalid_domain",
    /// An SPF record includes itself.
    LoopDetected = "loop_detected",
    /// A term of an SPF record is unknown or malformed.
    InvalidMechanism = "invalid_mechanism",
    /// An SPF record is too large to be looked through.
    ResourceLimitExceeded = "resource_limit_exceeded",
    /// An SPF record needs more than ten look-ups.
    MaxLookups = "max_lookups",
    /// An SPF record leads to more than two names that do not exist.
    MaxVoidLookups = "max_void_lookups",
    /// An SPF record lets everybody send.
    SpfAllowsAll = "spf_allows_all",
    /// An SPF record ends without saying what of others.
    SpfOpenEnd = "spf_open_end",
    /// Terms of an SPF record behind its `all`, or a redirect beside it, are never looked at.
    SpfIgnoredTerms = "spf_ignored_terms",
    /// An SPF record uses `ptr`.
    SpfUsesPtr = "spf_uses_ptr",
    /// The SPF record does not let us send.
    SpfNotAuthorized = "spf_not_authorized",
    /// There is no key at a selector.
    DkimNotFound = "dkim_not_found",
    /// There is more than one TXT record at a selector.
    MultipleDkim = "multiple_dkim",
    /// What is at a selector is no key.
    InvalidDkim = "invalid_dkim",
    /// The key was cut or quoted wrongly on its way into the DNS.
    DkimSplit = "dkim_split",
    /// Another key than ours is published.
    DkimMismatch = "dkim_key_mismatch",
    /// The key is published as revoked.
    DkimRevoked = "dkim_revoked",
    /// The key is published as one in testing.
    DkimTesting = "dkim_testing",
    /// The key may not be used for what we use it for.
    DkimRestricted = "dkim_restricted",
    /// The key is too short.
    DkimWeak = "dkim_weak",
    /// There is no DMARC record.
    MissingDmarc = "missing-dmarc-report",
    /// There is more than one DMARC record.
    MultipleDmarc = "multiple-dmarc-reports",
    /// A DMARC record asks for no reports.
    MissingDmarcRua = "missing-dmarc-rua",
    /// There is an alias at `_dmarc` that leads to no DMARC record.
    CnameOnDmarc = "cname-on-dmarc-record",
    /// Reports go to a domain that has not agreed to take them.
    UnauthorizedReportingDomain = "unauthorized-reporting-domain",
    /// A DMARC record is malformed.
    InvalidDmarc = "invalid_dmarc",
    /// DMARC asks receivers to refuse mail that does not align, and ours does not.
    DmarcTooStrict = "dmarc_too_strict",
    /// DMARC's strict mode excludes one of our two ways to align.
    DmarcStrictAlignment = "dmarc_strict_alignment",
    /// DMARC asks for nothing.
    DmarcMonitorOnly = "dmarc_monitor_only",
    /// There are no MX records.
    MxNotFound = "mx_not_found",
    /// Some of our MX records are missing.
    MxIncomplete = "mx_incomplete",
    /// There are MX records of others beside or instead of ours.
    MxConflict = "mx_conflict",
    /// A mail host has no address, or is no host.
    MxUnusable = "mx_unusable",
    /// MTA-STS is malformed, or its policy cannot be had.
    MtaStsInvalid = "mta_sts_invalid",
    /// The MTA-STS policy leaves out a mail host.
    MtaStsMismatch = "mta_sts_mismatch",
    /// MTA-STS is not used, or only tried.
    MtaStsNotEnforced = "mta_sts_not_enforced",
    /// The TLS-RPT record is malformed.
    TlsRptInvalid = "tls_rpt_invalid",
    /// There is no TLS-RPT record.
    TlsRptNotFound = "tls_rpt_not_found",
    /// TLSA records that cannot be used, or cannot be proved.
    DaneInvalid = "dane_invalid",
    /// Some mail hosts have TLSA records and others do not.
    DanePartial = "dane_partial",
    /// DANE is not used.
    DaneNotFound = "dane_not_found",
    /// The BIMI record is malformed.
    BimiInvalid = "bimi_invalid",
    /// There is a BIMI record, and DMARC is not strict enough for it to count.
    BimiIneffective = "bimi_ineffective",
    /// There is no BIMI record.
    BimiNotFound = "bimi_not_found",
    /// It is not known from which addresses we send.
    AddressUnknown = "address_unknown",
    /// An address has no name.
    PtrNotFound = "ptr_not_found",
    /// More than one name for an address.
    MultiplePtr = "multiple_ptr",
    /// The name of an address does not lead back to it.
    PtrNotConfirmed = "ptr_not_confirmed",
    /// The EHLO name has no such address.
    EhloNotConfirmed = "ehlo_not_confirmed",
    /// The EHLO name is another than the address's.
    EhloMismatch = "ehlo_mismatch",
    /// On a block list.
    Listed = "listed",
    /// A block list does not answer us.
    BlockListRefused = "block_list_refused",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One thing that a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is about.
    pub area: Area,
    /// What it says, for programs.
    pub code: Code,
    /// How much it matters.
    pub severity: Severity,
    /// The DNS name or the address concerned.
    pub name: String,
    /// What is wrong and what to do, for people: one or two sentences.
    pub message: String,
}

impl Finding {
    pub(super) fn new(
        area: Area,
        code: Code,
        severity: Severity,
        name: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self { area, code, severity, name: name.into(), message: message.into() }
    }

    pub(super) fn error(area: Area, code: Code, name: &str, message: impl Into<String>) -> Self {
        Self::new(area, code, Severity::Error, name, message)
    }

    pub(super) fn warning(area: Area, code: Code, name: &str, message: impl Into<String>) -> Self {
        Self::new(area, code, Severity::Warning, name, message)
    }

    pub(super) fn note(area: Area, code: Code, name: &str, message: impl Into<String>) -> Self {
        Self::new(area, code, Severity::Note, name, message)
    }

    /// That nothing is known, because a look-up failed.
    pub(super) fn unknown(area: Area, name: &str, why: &str) -> Self {
        let message = format!("The DNS gave no answer ({why}). Check the name servers, and try again.");
        Self::warning(area, Code::LookupFailed, name, message)
    }
}
