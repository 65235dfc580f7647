//! Who sees to it that every name has a certificate.
//!
//! Owns the account at the authority and the book of what was tried. Orders one name after the other; a name that the
//! authority refuses rests and the next has its turn; when the authority itself has failed, all rest. What was issued
//! is on disk before it is shown. Never takes a certificate away: an old one is better than none.

use super::{
    AcmeSettings, Challenges, account,
    http::AcmeHttp,
    kept::{file_of, key_of},
    order::{OrderError, order},
    schedule::Book,
};
use crate::policy_host::{RoutedDomains, policy_hosts};
use instant_acme::Account;
use mailwright_actors::{
    certificates::{Certificates, IssuedCertificate, IssuedCertificates},
    clock,
    dns::{Dns, HickoryDns, HostAnswer},
    https::Https,
    metrics as names,
    tls::AllowedHosts,
};
use mailwright_engine::time::UnixMillis;
use mailwright_storage::{PrivateFolder, StorageError};
use rustls::ClientConfig;
use std::{collections::HashMap, rc::Rc, sync::Arc, time::Duration};
use tokio::{sync::watch, time::timeout};

/// How often it is looked whether a name needs a certificate.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Longest time that an order may take.
const PATIENCE: Duration = Duration::from_secs(300);
/// How long the authority is left in peace after it failed; twice as long each further time.
const REST: Duration = Duration::from_secs(15);
/// The longest that is.
const LONGEST_REST: Duration = Duration::from_secs(3_600);
/// The same for names that have no address yet: a record is published, and nobody tells us.
const UNPUBLISHED: Duration = Duration::from_secs(15);
/// The longest that is.
const LONGEST_UNPUBLISHED: Duration = Duration::from_secs(600);
/// The file that says what was tried.
const ATTEMPTS: &str = "attempts.json";

/// What the keeper works with.
pub struct KeeperParts {
    /// Which authority, and for whom.
    pub settings: AcmeSettings,
    /// Where certificates are kept.
    pub folder: PrivateFolder,
    /// Where they are shown.
    pub issued: Arc<IssuedCertificates>,
    /// The files of the policy host: a name that one is good for needs nothing else.
    pub files: Arc<Certificates>,
    /// Where challenges are answered.
    pub challenges: Challenges,
    /// Whose policies are served.
    pub domains: Arc<dyn RoutedDomains>,
    /// Whom names are asked of: one that does not remember.
    pub dns: HickoryDns,
    /// Whom the authority's own certificate must be from.
    pub tls: Option<Arc<ClientConfig>>,
}

/// The keeper. Lives on one thread.
pub struct Keeper {
    settings: AcmeSettings,
    folder: PrivateFolder,
    issued: Arc<IssuedCertificates>,
    files: Arc<Certificates>,
    challenges: Challenges,
    domains: Arc<dyn RoutedDomains>,
    dns: Rc<dyn Dns>,
    http: AcmeHttp,
    account: Option<Account>,
    book: Book,
    /// Names that had no address: when they are looked up again, and after how long.
    unpublished: HashMap<String, (UnixMillis, Duration)>,
    authority: Rest,
}

/// A rest that grows.
#[derive(Debug, Default)]
struct Rest {
    until: UnixMillis,
    last: Option<Duration>,
}

impl Rest {
    fn begin(&mut self, now: UnixMillis) {
        let rest = self.last.map_or(REST, |last| (last * 2).min(LONGEST_REST));
        *self = Self { until: now.saturating_add(rest), last: Some(rest) };
    }
}

impl Keeper {
    /// Keeps certificates, on the current thread.
    ///
    /// # Errors
    /// When the disk does not tell what was tried: trying everything again could shut us out.
    pub fn new(parts: KeeperParts) -> Result<Self, StorageError> {
        let read = parts.folder.read(ATTEMPTS)?;
        let book = read.map(|text| serde_json::from_slice(&text)).transpose();
        let book = book.unwrap_or_else(|error| {
            tracing::warn!(%error, "what was tried to get certificates does not read, and is forgotten");
            None
        });
        let dns: Rc<dyn Dns> = Rc::new(parts.dns);
        // The configuration names the authority: it may be within one's own network.
        let https = Https::new(Rc::clone(&dns), parts.tls, AllowedHosts::Any);
        Ok(Self {
            settings: parts.settings,
            folder: parts.folder,
            issued: parts.issued,
            files: parts.files,
            challenges: parts.challenges,
            domains: parts.domains,
            http: AcmeHttp::start(https),
            dns,
            account: None,
            book: book.unwrap_or_default(),
            unpublished: HashMap::new(),
            authority: Rest::default(),
        })
    }

    /// Works until `stopping` turns true; an order under way is given up then.
    pub async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        let working = async {
            loop {
                self.look().await;
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        tokio::select! {
            () = working => {}
            _ = stopping.wait_for(|stopping| *stopping) => {}
        }
    }

    /// Orders what is due.
    async fn look(&mut self) {
        let wanted = self.wanted();
        self.tell(&wanted);
        for name in &wanted {
            let now = clock::wall();
            if self.authority.until > now || self.book.is_full(now) {
                return;
            }
            let is_due = self.book.due(name, self.issued.validity(name)) <= now;
            if is_due && self.is_published(name, now).await {
                self.get(name).await;
                self.tell(&wanted);
            }
        }
        // Some are not wanted any more; the others are looked up once more than they had to be.
        if self.unpublished.len() > wanted.len() {
            self.unpublished.clear();
        }
    }

    /// The names that need certificates, our mail hosts first.
    fn wanted(&self) -> Vec<String> {
        let policies = policy_hosts(&*self.domains).filter(|name| !self.files.have_file_for(name));
        self.settings.hosts.iter().cloned().chain(policies).collect()
    }

    /// Whether a name has an address: before it has one, no authority would find us there.
    async fn is_published(&mut self, name: &str, now: UnixMillis) -> bool {
        if self.unpublished.get(name).is_some_and(|(again, _)| *again > now) {
            return false;
        }
        if let HostAnswer::Addresses(_) = self.dns.addresses(name).await.answer {
            self.unpublished.remove(name);
            return true;
        }
        let pause = match self.unpublished.get(name) {
            Some((_, pause)) => (*pause * 2).min(LONGEST_UNPUBLISHED),
            None => {
                tracing::info!(name, "no certificate is ordered before the name has an address");
                UNPUBLISHED
            }
        };
        self.unpublished.insert(name.to_owned(), (now.saturating_add(pause), pause));
        false
    }

    /// Orders one certificate, and notes what came of it.
    async fn get(&mut self, name: &str) {
        let account = match self.account().await {
            Ok(account) => account,
            Err(error) => {
                tracing::warn!(%error, directory = self.settings.directory, "the authority for certificates does not serve us");
                return self.failed();
            }
        };
        self.book.began(name, clock::wall());
        if let Err(error) = self.keep_book().await {
            // Without the book a crash would order again and again.
            tracing::error!(%error, "no certificate is ordered");
            return self.failed();
        }
        let got = timeout(PATIENCE, Box::pin(self.obtain(&account, name))).await;
        match got.unwrap_or_else(|_| Err(OrderError::Failed(format!("not done within {PATIENCE:?}")))) {
            Ok(()) => {
                self.book.succeeded(name);
                self.authority = Rest::default();
                count("issued");
                tracing::info!(name, "certificate issued");
            }
            Err(error) => self.note(name, &error),
        }
        if let Err(error) = self.keep_book().await {
            tracing::error!(%error, "what came of an order is not kept");
        }
    }

    async fn account(&mut self) -> Result<Account, account::AccountError> {
        if let Some(account) = &self.account {
            return Ok(account.clone());
        }
        let opened = Box::pin(account::open(&self.settings, &self.folder, &self.http)).await?;
        self.account = Some(opened.clone());
        Ok(opened)
    }

    /// Gets, keeps and shows a certificate.
    async fn obtain(&self, account: &Account, name: &str) -> Result<(), OrderError> {
        let key = key_of(&self.folder, name)?;
        let chain = order(account, name, &key, &self.challenges).await?;
        let pem = format!("{}{chain}", key.serialize_pem());
        let read = IssuedCertificate::read(name, pem.as_bytes());
        let read = read.map_err(|error| OrderError::Refused(format!("what the authority sent: {error}")))?;
        let kept = self.write(file_of(name), pem.into_bytes()).await;
        kept.map_err(|error| OrderError::Failed(error.to_string()))?;
        self.issued.put(name, read);
        Ok(())
    }

    /// The name rests; if it is the authority that failed, everybody does.
    fn note(&mut self, name: &str, error: &OrderError) {
        let again = self.book.failed(name, clock::wall());
        tracing::warn!(name, %error, %again, "certificate not issued");
        match error {
            OrderError::Refused(_) => {
                self.authority = Rest::default();
                count("refused");
            }
            OrderError::Failed(_) => self.failed(),
            OrderError::NoAccount(_) => {
                if let Err(error) = account::forget(&self.folder) {
                    tracing::error!(%error, "an account that the authority does not know stays");
                }
                self.failed();
            }
        }
    }

    /// The authority, or the disk, is of no use for now.
    fn failed(&mut self) {
        count("failed");
        self.account = None;
        self.authority.begin(clock::wall());
    }

    async fn keep_book(&self) -> Result<(), StorageError> {
        self.write(ATTEMPTS.to_owned(), self.book.to_json()).await
    }

    /// Writes where waiting for the disk keeps no client waiting.
    async fn write(&self, file: String, content: Vec<u8>) -> Result<(), StorageError> {
        let folder = self.folder.clone();
        let written = tokio::task::spawn_blocking(move || folder.write(&file, &content)).await;
        // It fails only when the runtime ends, and this with it.
        written.unwrap_or(Ok(()))
    }

    fn tell(&self, wanted: &[String]) {
        let ends = || wanted.iter().filter_map(|name| self.issued.validity(name)).map(|held| held.end);
        let now = clock::wall();
        let held = ends().filter(|end| *end > now).count();
        let end = ends().min().map_or(0, UnixMillis::as_secs);
        metrics::gauge!(names::ACME_NAMES, "state" => "held").set(held as f64);
        metrics::gauge!(names::ACME_NAMES, "state" => "missing").set((wanted.len() - held) as f64);
        metrics::gauge!(names::CERTIFICATE_END, "section" => "acme").set(end as f64);
    }
}

fn count(result: &'static str) {
    metrics::counter!(names::ACME_ORDERS, "result" => result).increment(1);
}
