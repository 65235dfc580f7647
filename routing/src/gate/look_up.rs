//! What the DNS says of a client: block lists (RFC 5782) and its name.

use super::{Stance, metrics};
use futures_util::future::{join, join_all};
use mailwright_actors::{
    dns::{Dns, HostAnswer, NamesAnswer, TxtAnswer},
    smtp::relay::Network,
};
use mailwright_engine::domain_dns::{is_listing, is_refusal, list_query};
use std::{cell::RefCell, collections::HashSet, net::IpAddr, rc::Rc, sync::Arc, time::Duration};
use tokio::{
    task::{JoinHandle, spawn_local},
    time::timeout,
};

/// Longest wait for each answer; what has not come by then counts for nothing.
const PATIENCE: Duration = Duration::from_secs(5);
/// Names of an address that are looked at; one is what is usual (RFC 8601 section 3 has limits as well).
const MOST_NAMES: usize = 5;
/// Longest reason of a list that clients are told, in characters.
const LONGEST_REASON: usize = 200;

/// A block list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockList {
    /// Where it is asked.
    pub zone: String,
    /// The answers that count; none: all that mean "listed".
    pub answers: Vec<Network>,
    /// What follows.
    pub stance: Stance,
}

/// A client's place on a block list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The list.
    pub zone: String,
    /// What it answered; sorts of listings, which each list explains for itself.
    pub codes: Vec<IpAddr>,
    /// Why, in the words of the list; asked for only where the client is refused for it.
    pub reason: Option<String>,
}

/// What a block list said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ListAnswer {
    /// That it has the client, in a way that counts.
    Listed,
    /// Nothing that counts.
    Clear,
    /// Nothing, or nothing in time.
    Failed,
    /// That it does not answer us.
    Refused,
}

impl ListAnswer {
    /// Its name in metrics.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Listed => "listed",
            Self::Clear => "clear",
            Self::Failed => "failed",
            Self::Refused => "refused",
        }
    }
}

/// Lists that were found not to answer us; the log says it once of each.
pub(super) type Unwilling = RefCell<HashSet<String>>;

/// What the name of a client is by the DNS.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ReverseName {
    /// Nobody asked.
    #[default]
    NotAsked,
    /// It has a name, and the name that address.
    Confirmed(String),
    /// It has a name that does not lead back to it.
    Unconfirmed(String),
    /// It has none.
    Missing,
    /// The DNS did not say.
    Unknown,
}

/// What was found of a client.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Found {
    /// Lists for which it is refused.
    pub(super) refusing: Vec<Listing>,
    /// Lists that are noted.
    pub(super) noted: Vec<Listing>,
    pub(super) reverse: ReverseName,
}

/// Look-ups under way, on the thread's own tasks; given up when dropped.
#[derive(Debug)]
pub(super) struct LookUps(JoinHandle<Found>);

impl LookUps {
    /// Begins to ask `lists`, and for the name where that is wanted. Must run inside a `LocalSet`, as arbiters are.
    pub(super) fn begin(
        dns: Rc<dyn Dns>,
        address: IpAddr,
        lists: Arc<[BlockList]>,
        unwilling: Rc<Unwilling>,
        wants_name: bool,
    ) -> Self {
        Self(spawn_local(async move {
            let listings = join_all(lists.iter().map(|list| ask(&*dns, list, address, &unwilling)));
            let name = async {
                let asked = if wants_name { Some(name_of(&*dns, address)) } else { None };
                match asked {
                    Some(asked) => timeout(PATIENCE, asked).await.unwrap_or(ReverseName::Unknown),
                    None => ReverseName::NotAsked,
                }
            };
            let (listings, reverse) = join(listings, name).await;
            let mut found = Found { reverse, ..Found::default() };
            for (list, listing) in lists.iter().zip(listings) {
                match list.stance {
                    Stance::Refuse => found.refusing.extend(listing),
                    Stance::Note => found.noted.extend(listing),
                }
            }
            found
        }))
    }

    /// What was found; nothing if the task failed.
    pub(super) async fn finish(mut self) -> Found {
        (&mut self.0).await.unwrap_or_default()
    }
}

impl Drop for LookUps {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn ask(dns: &dyn Dns, list: &BlockList, address: IpAddr, unwilling: &Unwilling) -> Option<Listing> {
    let name = list_query(address, &list.zone);
    let (answer, codes) = match timeout(PATIENCE, dns.listing(&name)).await.map(|timed| timed.answer) {
        Ok(HostAnswer::Addresses(codes)) => judge(list, codes),
        Ok(HostAnswer::NoAddresses) => (ListAnswer::Clear, Vec::new()),
        Ok(HostAnswer::Failed(_)) | Err(_) => (ListAnswer::Failed, Vec::new()),
    };
    metrics::block_list(answer);
    if answer == ListAnswer::Refused && unwilling.borrow_mut().insert(list.zone.clone()) {
        tracing::warn!(
            list = list.zone,
            "the block list does not answer this server's resolver: nobody is listed"
        );
    }
    if codes.is_empty() {
        return None;
    }
    let reason = match list.stance {
        Stance::Refuse => reason(dns, &name).await,
        Stance::Note => None,
    };
    Some(Listing { zone: list.zone.clone(), codes, reason })
}

/// The codes among the answers of a list that count. What is outside of 127/8 is no answer of a list, but of a domain
/// that was sold, or of a resolver that answers everything.
fn judge(list: &BlockList, answers: Vec<IpAddr>) -> (ListAnswer, Vec<IpAddr>) {
    if answers.iter().any(is_refusal) {
        return (ListAnswer::Refused, Vec::new());
    }
    let counts = |code: &IpAddr| {
        is_listing(code)
            && (list.answers.is_empty() || list.answers.iter().any(|network| network.contains(*code)))
    };
    let codes: Vec<_> = answers.into_iter().filter(counts).collect();
    (if codes.is_empty() { ListAnswer::Clear } else { ListAnswer::Listed }, codes)
}

/// The list's own words, fit for a reply.
async fn reason(dns: &dyn Dns, name: &str) -> Option<String> {
    let Ok(TxtAnswer::Records(texts)) = timeout(PATIENCE, dns.txt(name)).await.map(|timed| timed.answer)
    else {
        return None;
    };
    let printable = |c: char| if c == ' ' || c.is_ascii_graphic() { c } else { '?' };
    let text: String = texts.first()?.chars().take(LONGEST_REASON).map(printable).collect();
    (!text.is_empty()).then_some(text)
}

/// The name of an address that has that address (RFC 8601 section 2.7.3, iprev).
async fn name_of(dns: &dyn Dns, address: IpAddr) -> ReverseName {
    let names = match dns.pointers(address.to_canonical()).await.answer {
        NamesAnswer::Names(names) => names,
        NamesAnswer::None => return ReverseName::Missing,
        NamesAnswer::Failed(_) => return ReverseName::Unknown,
    };
    let mut is_known = true;
    for name in names.iter().take(MOST_NAMES) {
        match dns.addresses(name).await.answer {
            HostAnswer::Addresses(found) if found.contains(&address.to_canonical()) => {
                return ReverseName::Confirmed(name.clone());
            }
            HostAnswer::Addresses(_) | HostAnswer::NoAddresses => {}
            HostAnswer::Failed(_) => is_known = false,
        }
    }
    match names.into_iter().next() {
        Some(name) if is_known => ReverseName::Unconfirmed(name),
        Some(_) => ReverseName::Unknown,
        None => ReverseName::Missing,
    }
}
