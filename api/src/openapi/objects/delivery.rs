//! The delivery engine.

use utoipa::ToSchema;

/// What is no longer suspended.
#[derive(Debug, ToSchema)]
pub struct Resumed {
    /// `domain:`, `site:`, `source:` or `tenant:` and a name.
    pub scope: String,
}

/// What holds for a site, and where each part of it comes from.
#[derive(Debug, ToSchema)]
pub struct Explanation {
    /// The domain asked about.
    pub domain: Option<String>,
    /// Its mail exchangers.
    pub mx_hosts: Vec<String>,
    /// The source asked about.
    pub source: Option<String>,
    /// Whose site it is.
    pub provider: String,
    /// Every key.
    pub values: Vec<ExplainedValue>,
    /// The rules, in the order in which they are tried.
    pub rules: Vec<ExplainedRule>,
}

/// A key of the shaping.
#[derive(Debug, ToSchema)]
pub struct ExplainedValue {
    /// Its name.
    pub key: String,
    /// What holds.
    pub value: String,
    /// The section that decides.
    pub layer: String,
    /// What the file says about it.
    #[schema(nullable = false)]
    pub note: Option<String>,
}

/// A rule of the shaping.
#[derive(Debug, ToSchema)]
pub struct ExplainedRule {
    /// Its name.
    pub name: String,
    /// What it does.
    pub rule: String,
    /// The section that it stands in.
    pub layer: String,
    /// What the file says about it.
    #[schema(nullable = false)]
    pub note: Option<String>,
}

/// What a shaping file would have changed.
#[derive(Debug, ToSchema)]
pub struct ReplayReport {
    /// The rules that would have fired, in order of time.
    pub fired: Vec<FiredRule>,
    /// By provider, site and source.
    pub sites: Vec<ReplayedSite>,
}

/// A rule that would have fired.
#[derive(Debug, ToSchema)]
pub struct FiredRule {
    /// Its name.
    pub rule: String,
    /// What it does.
    pub action: String,
    /// The site.
    pub site: String,
    /// The source of the mail.
    pub source: String,
    /// When, in milliseconds since 1970.
    pub at: u64,
    /// Until when it would have held.
    pub until: u64,
}

/// What would have become of the mail from a source to a site.
#[derive(Debug, ToSchema)]
pub struct ReplayedSite {
    /// Whose site it is.
    pub provider: String,
    /// The site.
    pub site: String,
    /// The source of the mail.
    pub source: String,
    /// Attempts made.
    pub attempts: u64,
    /// Of them, those that delivered.
    pub delivered: u64,
    /// Attempts that would have waited.
    pub held_back: u64,
    /// The longest of these waits, as `2m 30s`.
    pub longest_delay: String,
    /// Refused attempts that would not have been made.
    pub spared: u64,
    /// Deliveries that would have come later.
    pub postponed: u64,
}

/// How the server is.
#[derive(Debug, ToSchema)]
pub struct Health {
    /// `ok`, or `failed` if it takes no more mail.
    pub status: String,
    /// Its version.
    pub version: String,
    /// What waits.
    pub queue: HealthQueue,
}

/// What waits.
#[derive(Debug, ToSchema)]
pub struct HealthQueue {
    /// Entries of the queue.
    pub entries: u64,
}
