//! Lists: filtered, in pages, those of sending domains first, the newest first in each group.

use super::{
    AddressKey, ListCursor, Reason, Scope, Suppression, SuppressionError, Suppressions,
    row::{COLUMNS, Numbered, account_number, read},
};
use crate::control::ObjectId;
use mailwright_engine::{
    address::{Domain, EmailAddress},
    time::UnixMillis,
};
use rusqlite::{Connection, ToSql, named_params};
use serde::{Deserialize, Serialize};

/// Rows looked at for one page, so that a filter that matches hardly any does not hold others up: a page may be short
/// and not the last.
const SCANNED: usize = 20_000;
/// Longest text to search for, in octets: no address is longer.
pub const MAX_SEARCH: usize = 254;
/// What no character of an address is beyond.
const LAST_CHARACTER: char = char::MAX;

/// Which rows of an account a list shows: those that are not over and match all that is given.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ListFilter {
    /// Of this address.
    pub email: Option<AddressKey>,
    /// With this reason.
    pub reason: Option<Reason>,
    /// Of these scopes.
    pub scope: ScopeFilter,
    /// Found by this text.
    pub search: Option<Search>,
}

/// Which scopes a list shows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ScopeFilter {
    /// All.
    #[default]
    Any,
    /// Rows for the whole account.
    Account,
    /// Rows for any sending domain.
    SendingDomains,
    /// Rows for this one.
    SendingDomain(Domain),
}

/// What somebody typed to find an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Search {
    /// A whole address: it alone.
    Whole(AddressKey),
    /// The beginning of an address, folded. `ann@` finds that user at every domain.
    Beginning(String),
}

impl Search {
    /// What `text` searches for: an address if it is a whole one, otherwise addresses that begin so. `None` for text
    /// that nothing can match or that is longer than [`MAX_SEARCH`].
    pub fn read(text: &str) -> Option<Self> {
        if text.is_empty() || text.len() > MAX_SEARCH || text.chars().any(char::is_control) {
            return None;
        }
        Some(match EmailAddress::parse(text) {
            Ok(address) => Self::Whole(AddressKey::of(&address)),
            Err(_) => Self::Beginning(text.to_lowercase()),
        })
    }

    fn matches(&self, key: &str) -> bool {
        match self {
            Self::Whole(whole) => whole.as_str() == key,
            Self::Beginning(beginning) => key.starts_with(beginning.as_str()),
        }
    }
}

impl ListFilter {
    fn matches(&self, candidate: &Numbered, now: UnixMillis) -> bool {
        let row = &candidate.row;
        let scope = match (&self.scope, &row.scope) {
            (ScopeFilter::Any, _)
            | (ScopeFilter::Account, Scope::Account)
            | (ScopeFilter::SendingDomains, Scope::SendingDomain(_)) => true,
            (ScopeFilter::SendingDomain(wanted), Scope::SendingDomain(domain)) => wanted == domain,
            _ => false,
        };
        scope
            && !row.is_over(now)
            && self.reason.is_none_or(|reason| reason == row.reason)
            && self.email.as_ref().is_none_or(|email| email.as_str() == candidate.key)
            && self.search.as_ref().is_none_or(|search| search.matches(&candidate.key))
    }

    fn shows(&self, group: Group) -> bool {
        match self.scope {
            ScopeFilter::Any => true,
            ScopeFilter::Account => group == Group::Account,
            ScopeFilter::SendingDomains | ScopeFilter::SendingDomain(_) => group == Group::SendingDomains,
        }
    }

    /// The one address it can show, if it says so.
    fn address(&self) -> Option<&AddressKey> {
        self.email.as_ref().or(match &self.search {
            Some(Search::Whole(whole)) => Some(whole),
            _ => None,
        })
    }
}

/// The two parts of a list, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Group {
    SendingDomains,
    Account,
}

/// A place between rows: after the row of this number in its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) group: Group,
    pub(super) number: i64,
}

impl Place {
    const fn start(group: Group) -> Self {
        Self { group, number: i64::MAX }
    }
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListPage {
    /// The rows.
    pub rows: Vec<Suppression>,
    /// Where the next page begins; `None` after the last one. A page without rows need not be the last.
    pub next: Option<ListCursor>,
}

impl Suppressions {
    /// A page of at most `limit` rows: the first one of `filter`, or the one at a cursor, which has its own filter.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn list(
        &self,
        account: &ObjectId,
        from: ListStart,
        limit: usize,
        now: UnixMillis,
    ) -> Result<ListPage, SuppressionError> {
        let ListCursor { filter, after } = from.cursor();
        let pages = self.pages();
        let view = pages.unchecked_transaction()?;
        let mut scan = Scan { filter, limit: limit.max(1), now, rows: Vec::new(), scanned: 0, after };
        let Some(number) = account_number(&view, account)? else {
            return Ok(ListPage { rows: scan.rows, next: None });
        };
        let end = scan.run(&view, number)?;
        let Scan { filter, rows, after, .. } = scan;
        let next = (end == End::Page).then_some(ListCursor { filter, after });
        Ok(ListPage { rows, next })
    }
}

/// Where a page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListStart {
    /// At the beginning of the list of these.
    Of(ListFilter),
    /// Where another page has ended.
    At(ListCursor),
}

impl ListStart {
    fn cursor(self) -> ListCursor {
        match self {
            Self::Of(filter) => ListCursor { filter, after: Place::start(Group::SendingDomains) },
            Self::At(cursor) => cursor,
        }
    }
}

/// Where a walk has stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// There is no further row.
    List,
    /// The page is full, or enough rows have been looked at.
    Page,
}

/// A walk over rows in the order of the list.
struct Scan {
    filter: ListFilter,
    limit: usize,
    now: UnixMillis,
    rows: Vec<Suppression>,
    scanned: usize,
    after: Place,
}

impl Scan {
    fn run(&mut self, view: &Connection, account: i64) -> Result<End, SuppressionError> {
        for group in [Group::SendingDomains, Group::Account] {
            if group < self.after.group || !self.filter.shows(group) {
                continue;
            }
            if group > self.after.group {
                self.after = Place::start(group);
            }
            if self.walk(view, account)? == End::Page {
                return Ok(End::Page);
            }
        }
        Ok(End::List)
    }

    /// Goes through the rest of the current group.
    fn walk(&mut self, view: &Connection, account: i64) -> Result<End, SuppressionError> {
        let way = Way::choose(view, account, &self.filter, self.after.group)?;
        let mut statement = view.prepare_cached(&way.sql())?;
        let by_domain = self.after.group == Group::SendingDomains;
        let (from, to, reason) = way.bounds();
        let parameters: &[(&str, &dyn ToSql)] = named_params! {
            ":account": account, ":by_domain": by_domain, ":below": self.after.number,
            ":from": from, ":to": to, ":reason": reason,
        };
        // A statement that has no use for a parameter does not know it.
        for (name, value) in parameters {
            if let Some(index) = statement.parameter_index(name)? {
                statement.raw_bind_parameter(index, value)?;
            }
        }
        let mut candidates = statement.raw_query();
        while let Some(candidate) = candidates.next()? {
            if self.rows.len() == self.limit || self.scanned == SCANNED {
                return Ok(End::Page);
            }
            let candidate = read(candidate)?;
            self.scanned += 1;
            self.after.number = candidate.number;
            if self.filter.matches(&candidate, self.now) {
                self.rows.push(candidate.row);
            }
        }
        Ok(End::List)
    }
}

/// How the rows that may match are found: by the index that leaves the fewest of them.
enum Way<'a> {
    Address(&'a str),
    /// Addresses from one text up to another.
    Addresses(&'a str, String),
    Domain(&'a str),
    Reason(Reason),
    All,
}

impl<'a> Way<'a> {
    fn choose(
        view: &Connection,
        account: i64,
        filter: &'a ListFilter,
        group: Group,
    ) -> Result<Self, SuppressionError> {
        if let Some(address) = filter.address() {
            return Ok(Self::Address(address.as_str()));
        }
        if let Some(Search::Beginning(beginning)) = &filter.search {
            let end = format!("{beginning}{LAST_CHARACTER}");
            // Few enough to be sorted; if not, walking past the others finds one soon enough.
            if are_few(view, account, beginning, &end)? {
                return Ok(Self::Addresses(beginning, end));
            }
        }
        Ok(match (&filter.scope, filter.reason) {
            (ScopeFilter::SendingDomain(domain), _) if group == Group::SendingDomains => {
                Self::Domain(domain.as_str())
            }
            (_, Some(reason)) => Self::Reason(reason),
            _ => Self::All,
        })
    }

    fn sql(&self) -> String {
        let (index, condition) = match self {
            Self::Address(_) => ("by_email", "AND email = :from"),
            Self::Addresses(..) => ("by_email", "AND email >= :from AND email < :to"),
            Self::Domain(_) => ("by_scope", "AND scope = :from AND scope <> ''"),
            Self::Reason(_) => ("by_reason", "AND reason = :reason"),
            Self::All => ("by_place", ""),
        };
        format!(
            "SELECT {COLUMNS} FROM suppressions INDEXED BY {index}
             WHERE account = :account AND by_domain = :by_domain AND row < :below {condition}
             ORDER BY row DESC"
        )
    }

    /// What `:from`, `:to` and `:reason` are.
    fn bounds(&self) -> (&str, &str, i64) {
        match self {
            Self::Address(text) | Self::Domain(text) => (text, "", 0),
            Self::Addresses(from, to) => (from, to, 0),
            Self::Reason(reason) => ("", "", reason.stored()),
            Self::All => ("", "", 0),
        }
    }
}

fn are_few(view: &Connection, account: i64, from: &str, to: &str) -> Result<bool, SuppressionError> {
    let sql = "SELECT count(*) FROM (SELECT 1 FROM suppressions INDEXED BY by_email
               WHERE account = ?1 AND email >= ?2 AND email < ?3 LIMIT ?4)";
    let most = i64::try_from(SCANNED).unwrap_or(i64::MAX);
    let found: i64 = view.prepare_cached(sql)?.query_row((account, from, to, most), |row| row.get(0))?;
    Ok(found < most)
}
