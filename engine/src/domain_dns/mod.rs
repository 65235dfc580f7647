//! DNS of sending domains and routing zones: which records to publish, whether they are there, and what to mend.
//!
//! 1. A [`SendingDomain`] says what a domain is to have; [`records()`] lists it, as JSON ([`DnsRecord`]) or as
//!    lines for a zone file ([`zone_lines`]), and [`plan_publishing`] and [`plan_removal`] turn it into one RFC 2136
//!    update that leaves alone what others have put there.
//! 2. [`check_domain`] compares the DNS with the description; [`examine`] looks at all else that a receiver sees of a
//!    domain and of our addresses. Both are pure: they run over the [`Answers`] known so far, through [`decide`],
//!    which gives back either the result or the [`Question`]s that are still open. Whoever has a resolver answers
//!    these and tries again.
//! 3. A [`RoutingZone`] is to a domain that takes mail what a [`SendingDomain`] is to one that sends:
//!    [`routing_records`] and [`check_routing`].
//! 4. [`spf`] makes of an SPF record the whole tree that receivers walk.
//!
//! Names are lower-case A-labels without the final dot; an underscore may begin a label.
//!
//! # Wildcards
//! `*.example.com` lets every name beneath `example.com` send. No key can be published for all of them: in
//! `selector._domainkey.*.example.com` the asterisk is no wildcard (RFC 4592 section 2.1.1), and a record at
//! `*.example.com` itself would answer for every other name too. So mail of a wildcard is signed with
//! `d=example.com` and bounces come back to the return-path domain beneath `example.com`: both align with every
//! sender by DMARC's relaxed mode, which is the default (RFC 9989 section 4.4). A policy with `adkim=s` breaks
//! that, and the check says so. Records of the wildcard stand at the same names as those of `example.com` itself:
//! where both are set up, they must share their keys or use different selectors.

mod answers;
mod block_list;
mod change;
mod check;
mod description;
mod dkim;
mod dmarc;
mod examine;
mod finding;
mod mx;
mod own_spf;
mod published;
mod receiving;
mod record;
mod reverse;
mod routing;
pub mod spf;
mod state;
mod tags;
mod update;
mod zone_file;

pub use answers::{Answer, Answers, Found, Lookups, MAX_QUESTIONS, Question, decide};
pub use block_list::{BlockLists, Listing, is_listing, is_refusal, list_query};
pub use change::{Change, FoundRecord, Prerequisite, RecordSet, Update};
pub use check::{DomainReport, DomainState, check_domain};
pub use description::{
    DEFAULT_TTL, DkimRole, DmarcWish, DomainKey, InvalidSetup, SendingDomain, SendingName, SpfAuthority,
};
pub use dkim::{DkimFacts, DkimKeyState};
pub use dmarc::{
    Alignment, DmarcFacts, DmarcPolicy, DmarcRecord, ReportAddress, ReportWish, report_destinations,
};
pub use examine::{DomainExamination, Examination, OwnAddress, OwnSpf, Subject, examine, examine_domain};
pub use finding::{Area, Code, Finding, Severity};
pub use mx::{MailHost, MxFacts};
pub use published::{ApprovedSource, Published, PublishedRecord, PublishedRecords, ReportStatus, published};
pub use receiving::{BimiFacts, DaneFacts, DaneHost, ReceivingFacts, StsFacts};
pub use record::{DnsRecord, Purpose, RecordType, records};
pub use reverse::ReverseFacts;
pub use routing::{
    PolicyWish, RoutedName, RoutingReport, RoutingStatus, RoutingZone, check_routing, routing_records,
};
pub use state::{RecordState, RecordStatus};
pub use tags::{TagError, TagList};
pub use update::{Current, OnForeign, PlanError, PublishingPlan, plan_publishing, plan_removal};
pub use zone_file::{character_strings, zone_lines};
