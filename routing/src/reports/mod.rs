//! Reports by DMARC and about TLS: [`ReportsInbox`] takes those that others send about our zones, [`DmarcReporter`] sends
//! those about mail that was judged here, of which it hears by [`judged`].

mod inbox;
mod reporter;

pub use inbox::{ReportMailbox, ReportsInbox};
pub use reporter::{DmarcReporter, ReporterParts, ReporterSettings};

use mailwright_actors::clock;
use mailwright_engine::{
    authentication::{Decision, Judgement},
    dmarc_report::JudgedMail,
};
use mailwright_storage::reports::JudgedFeed;

/// Counts a message for the report to the domain in its From, if that wants one and any are sent; never waits. To be
/// called once for each message, when it is decided what becomes of it.
pub fn judged(feed: &JudgedFeed, judgement: &Judgement, decision: &Decision) {
    if feed.is_on()
        && let Some(mail) = JudgedMail::of(clock::wall(), judgement, decision)
    {
        feed.tell(mail);
    }
}
