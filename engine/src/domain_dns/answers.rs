//! Questions to the DNS and the answers known so far.

use crate::{
    address::Domain,
    mx::MxRecord,
    tls::{DaneLookup, StsPolicy, mta_sts::StsFetchError},
};
use std::{
    collections::{BTreeSet, HashMap},
    net::IpAddr,
};

/// Most questions that one check may ask; what goes beyond counts as failed. An honest domain needs some fifty.
pub const MAX_QUESTIONS: usize = 300;

/// Something to look up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Question {
    /// The TXT records of a name, each with its strings joined.
    Txt(String),
    /// The MX records of a name.
    Mx(String),
    /// The IPv6 and IPv4 addresses of a name.
    Addresses(String),
    /// The names of an address (PTR).
    Pointer(IpAddr),
    /// The name that a name is an alias of (CNAME).
    Alias(String),
    /// The TLSA records of a mail host at port 25, with their proof.
    Tlsa(String),
    /// The MTA-STS policy of a domain, by HTTPS.
    StsPolicy(Domain),
}

/// What came of a [`Question`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// To [`Question::Txt`].
    Texts(Vec<String>),
    /// To [`Question::Mx`].
    Exchanges(Vec<MxRecord>),
    /// To [`Question::Addresses`].
    Addresses(Vec<IpAddr>),
    /// To [`Question::Pointer`] and [`Question::Alias`].
    Names(Vec<String>),
    /// To [`Question::Tlsa`].
    Dane(DaneLookup),
    /// To [`Question::StsPolicy`].
    StsPolicy(Result<StsPolicy, StsFetchError>),
    /// There is no such record, or no such name.
    None,
    /// No answer, or a broken one. Holds the reason.
    Failed(String),
}

/// Answers to the questions asked so far.
#[derive(Debug, Clone, Default)]
pub struct Answers(HashMap<Question, Answer>);

impl Answers {
    /// Keeps an answer.
    pub fn insert(&mut self, question: Question, answer: Answer) {
        self.0.insert(question, answer);
    }

    /// The answer to `question`.
    pub fn get(&self, question: &Question) -> Option<&Answer> {
        self.0.get(question)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(Question, Answer)> for Answers {
    fn from_iter<I: IntoIterator<Item = (Question, Answer)>>(answers: I) -> Self {
        Self(answers.into_iter().collect())
    }
}

/// The records that an answer holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found<T> {
    /// At least one.
    Some(T),
    /// There are none.
    None,
    /// Nobody knows; the reason.
    Failed(String),
}

/// The answers as a check sees them; remembers what it asked for in vain.
#[derive(Debug)]
pub struct Lookups<'a> {
    answers: &'a Answers,
    open: BTreeSet<Question>,
}

impl Lookups<'_> {
    /// The TXT records of `name`.
    pub fn txt(&mut self, name: &str) -> Found<Vec<String>> {
        self.found(Question::Txt(normal(name)), |answer| match answer {
            Answer::Texts(texts) if !texts.is_empty() => Some(texts.clone()),
            _ => None,
        })
    }

    /// The MX records of `name`.
    pub fn mx(&mut self, name: &str) -> Found<Vec<MxRecord>> {
        self.found(Question::Mx(normal(name)), |answer| match answer {
            Answer::Exchanges(records) if !records.is_empty() => Some(records.clone()),
            _ => None,
        })
    }

    /// The addresses of `name`.
    pub fn addresses(&mut self, name: &str) -> Found<Vec<IpAddr>> {
        self.found(Question::Addresses(normal(name)), |answer| match answer {
            Answer::Addresses(addresses) if !addresses.is_empty() => Some(addresses.clone()),
            _ => None,
        })
    }

    /// The names of `address`, without final dots.
    pub fn pointers(&mut self, address: IpAddr) -> Found<Vec<String>> {
        self.found(Question::Pointer(address), names)
    }

    /// The name that `name` is an alias of.
    pub fn alias(&mut self, name: &str) -> Found<Vec<String>> {
        self.found(Question::Alias(normal(name)), names)
    }

    /// The TLSA records of `host`; `None` where there are none that are proved.
    pub fn tlsa(&mut self, host: &str) -> Found<DaneLookup> {
        self.found(Question::Tlsa(normal(host)), |answer| match answer {
            Answer::Dane(lookup) => Some(lookup.clone()),
            _ => None,
        })
    }

    /// The MTA-STS policy of `domain`.
    pub fn sts_policy(&mut self, domain: &Domain) -> Found<Result<StsPolicy, StsFetchError>> {
        self.found(Question::StsPolicy(domain.clone()), |answer| match answer {
            Answer::StsPolicy(policy) => Some(policy.clone()),
            _ => None,
        })
    }

    fn found<T>(&mut self, question: Question, read: impl FnOnce(&Answer) -> Option<T>) -> Found<T> {
        match self.answers.get(&question) {
            Some(Answer::Failed(why)) => Found::Failed(why.clone()),
            Some(answer) => read(answer).map_or(Found::None, Found::Some),
            None if self.answers.len() + self.open.len() >= MAX_QUESTIONS => {
                Found::Failed(format!("not asked: this check has asked {MAX_QUESTIONS} questions already"))
            }
            None => {
                self.open.insert(question);
                // Nobody sees this: with an open question the result is thrown away.
                Found::Failed("not asked yet".to_owned())
            }
        }
    }
}

fn names(answer: &Answer) -> Option<Vec<String>> {
    match answer {
        Answer::Names(names) if !names.is_empty() => Some(names.clone()),
        _ => None,
    }
}

/// Lower case, without the final dot.
pub(super) fn normal(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

/// Runs `judge` over what is known. With every question answered, the result; else the questions that are open,
/// all of which may be asked at once. `judge` must ask the same of the same answers.
///
/// # Errors
/// The open questions, never none of them.
pub fn decide<T>(
    answers: &Answers,
    judge: impl FnOnce(&mut Lookups<'_>) -> T,
) -> Result<T, BTreeSet<Question>> {
    let mut lookups = Lookups { answers, open: BTreeSet::new() };
    let judged = judge(&mut lookups);
    if lookups.open.is_empty() { Ok(judged) } else { Err(lookups.open) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_until_everything_is_known() {
        let judge = |lookups: &mut Lookups<'_>| match lookups.mx("Example.org.") {
            Found::Some(records) => lookups.addresses(&records[0].exchange),
            _ => Found::None,
        };
        let mut answers = Answers::default();
        let mx = Question::Mx("example.org".into());
        assert_eq!(decide(&answers, judge), Err([mx.clone()].into()));
        answers.insert(mx, Answer::Exchanges(vec![MxRecord { preference: 1, exchange: "MX.test".into() }]));
        let address = Question::Addresses("mx.test".into());
        assert_eq!(decide(&answers, judge), Err([address.clone()].into()));
        let ip = "192.0.2.1".parse().unwrap();
        answers.insert(address, Answer::Addresses(vec![ip]));
        assert_eq!(decide(&answers, judge), Ok(Found::Some(vec![ip])));
    }

    #[test]
    fn a_check_without_end_gets_no_more_answers() {
        let endless = |lookups: &mut Lookups<'_>| {
            (0..10_000).filter(|n| matches!(lookups.txt(&n.to_string()), Found::Failed(_))).count()
        };
        let open = decide(&Answers::default(), endless).unwrap_err();
        assert_eq!(open.len(), MAX_QUESTIONS);
        let answers = open.into_iter().map(|question| (question, Answer::None)).collect();
        assert_eq!(decide(&answers, endless), Ok(10_000 - MAX_QUESTIONS));
    }
}
