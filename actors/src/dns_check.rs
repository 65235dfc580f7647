//! Runs the checks of [`mailwright_engine::domain_dns`] against the DNS.
//!
//! A check is a pure function over the answers known so far. Here its open questions are answered, several at a
//! time, until there are none or time is up; what is open then counts as failed, so that every check ends.

use crate::{
    dns::{Dns, HostAnswer, NamesAnswer, TxtAnswer},
    tls::PolicyClient,
};
use futures_util::{StreamExt, stream};
use mailwright_engine::{
    domain_dns::{Answer, Answers, Lookups, Question, decide},
    mx::MxAnswer,
};
use std::{rc::Rc, time::Duration};
use tokio::time::{Instant, timeout, timeout_at};

/// Questions under way at a time, for one check.
const AT_A_TIME: usize = 16;
/// Longest wait for one answer; resolvers give up on dead servers a little earlier.
const ANSWER_PATIENCE: Duration = Duration::from_secs(15);
/// Longest that a check asks. The policy of MTA-STS alone may take half of it.
pub const CHECK_PATIENCE: Duration = Duration::from_secs(60);
/// The port whose TLSA records count.
const SMTP: u16 = 25;

/// Answers the questions of checks. Used on one thread; clones nothing, keeps nothing.
pub struct DnsCheck {
    dns: Rc<dyn Dns>,
    policies: Option<PolicyClient>,
}

impl DnsCheck {
    /// Asks `dns`, and for policies of MTA-STS `policies`; without it they count as not fetched.
    ///
    /// A check on demand wants answers that nobody has kept ([`HickoryDns::fresh`](crate::dns::HickoryDns::fresh)).
    pub fn new(dns: Rc<dyn Dns>, policies: Option<PolicyClient>) -> Self {
        Self { dns, policies }
    }

    /// Runs `judge` until it has nothing more to ask, for at most a minute.
    pub async fn run<T>(&self, judge: impl Fn(&mut Lookups<'_>) -> T) -> T {
        let deadline = Instant::now() + CHECK_PATIENCE;
        let mut answers = Answers::default();
        loop {
            match decide(&answers, &judge) {
                Ok(result) => return result,
                Err(open) => {
                    let asked = open.into_iter().map(|question| self.answered(question, deadline));
                    let found: Vec<_> = stream::iter(asked).buffer_unordered(AT_A_TIME).collect().await;
                    for (question, answer) in found {
                        answers.insert(question, answer);
                    }
                }
            }
        }
    }

    async fn answered(&self, question: Question, deadline: Instant) -> (Question, Answer) {
        let asked = async { timeout(self.patience(&question), self.ask(&question)).await };
        let answer = match timeout_at(deadline, asked).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Answer::Failed(format!("no answer within {ANSWER_PATIENCE:?}")),
            Err(_) => Answer::Failed(format!("the check took longer than {CHECK_PATIENCE:?}")),
        };
        (question, answer)
    }

    fn patience(&self, question: &Question) -> Duration {
        // Fetching has a time-out of its own.
        if matches!(question, Question::StsPolicy(_)) { CHECK_PATIENCE } else { ANSWER_PATIENCE }
    }

    async fn ask(&self, question: &Question) -> Answer {
        match question {
            Question::Txt(name) => match self.dns.txt(name).await.answer {
                TxtAnswer::Records(texts) => Answer::Texts(texts),
                TxtAnswer::None => Answer::None,
                TxtAnswer::Failed(why) => Answer::Failed(why),
            },
            Question::Mx(name) => self.mx(name).await,
            Question::Addresses(name) => match self.dns.addresses(name).await.answer {
                HostAnswer::Addresses(addresses) => Answer::Addresses(addresses),
                HostAnswer::NoAddresses => Answer::None,
                HostAnswer::Failed(why) => Answer::Failed(why),
            },
            Question::Pointer(address) => of_names(self.dns.pointers(*address).await.answer),
            Question::Alias(name) => of_names(self.dns.alias(name).await.answer),
            Question::Tlsa(host) => Answer::Dane(self.dns.tlsa(host, SMTP).await.answer.lookup),
            Question::StsPolicy(domain) => match &self.policies {
                Some(policies) => Answer::StsPolicy(policies.fetch(domain).await),
                None => Answer::Failed("policies are not fetched here".to_owned()),
            },
        }
    }

    async fn mx(&self, name: &str) -> Answer {
        // A name with an underscore has no mail exchangers that anybody could use.
        let Ok(domain) = mailwright_engine::address::Domain::parse(name) else { return Answer::None };
        match self.dns.mx(&domain).await.answer {
            MxAnswer::Records(records) => Answer::Exchanges(records),
            MxAnswer::NoRecords | MxAnswer::NoDomain => Answer::None,
            MxAnswer::Failed(why) => Answer::Failed(why),
        }
    }
}

fn of_names(answer: NamesAnswer) -> Answer {
    match answer {
        NamesAnswer::Names(names) => Answer::Names(names),
        NamesAnswer::None => Answer::None,
        NamesAnswer::Failed(why) => Answer::Failed(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::Timed;
    use futures_util::future::{LocalBoxFuture, pending};
    use mailwright_engine::{
        address::Domain,
        domain_dns::{Found, spf::SpfTree},
    };

    /// Knows text at some names, and never answers about others.
    struct Texts;

    impl Dns for Texts {
        fn mx<'a>(&'a self, _: &'a Domain) -> LocalBoxFuture<'a, Timed<MxAnswer>> {
            Box::pin(pending())
        }

        fn addresses<'a>(&'a self, _: &'a str) -> LocalBoxFuture<'a, Timed<HostAnswer>> {
            Box::pin(pending())
        }

        fn txt<'a>(&'a self, name: &'a str) -> LocalBoxFuture<'a, Timed<TxtAnswer>> {
            let text = match name {
                "a.test" => "v=spf1 include:b.test -all".to_owned(),
                _ => "v=spf1 ip4:192.0.2.1 -all".to_owned(),
            };
            Box::pin(async { Timed::lasting(TxtAnswer::Records(vec![text]), Duration::from_secs(60)) })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn asks_on_until_the_tree_is_whole() {
        let check = DnsCheck::new(Rc::new(Texts), None);
        let tree = check.run(|lookups| SpfTree::build("a.test", lookups)).await;
        assert!(tree.all_problems().is_empty() && tree.total_lookups() == 1);
    }

    #[tokio::test(start_paused = true)]
    async fn ends_though_nobody_answers() {
        let check = DnsCheck::new(Rc::new(Texts), None);
        let began = Instant::now();
        // Each answer is waited for before the next question is known.
        let failures = check
            .run(|lookups| {
                let mut count = 0;
                while count < 50 && matches!(lookups.mx(&format!("n{count}.test")), Found::Failed(why) if why != "not asked yet") {
                    count += 1;
                }
                count
            })
            .await;
        assert_eq!(failures, 50);
        assert_eq!(began.elapsed(), CHECK_PATIENCE);
    }
}
