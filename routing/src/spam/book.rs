//! The rules in force, and where they are read from.

use super::metrics;
use mailwright_engine::spam::SpamRules;
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

/// How often it is looked whether the file has changed, at most: with the first message after that.
const LOOKED_AT_EVERY: Duration = Duration::from_secs(2);

/// The rules in force.
pub(super) struct Book {
    /// `None`: what is built in.
    file: Option<PathBuf>,
    page: Mutex<Page>,
}

struct Page {
    rules: Arc<SpamRules>,
    /// Which state of the file was read last, whether it could be used or not.
    read: Option<SystemTime>,
    looked_at: Instant,
}

impl Book {
    /// Reads the file, or takes the rules built in.
    ///
    /// # Errors
    /// When it cannot be read or is not valid, in words that name file, line, rule and reason.
    pub(super) fn open(file: Option<PathBuf>) -> Result<Self, String> {
        let read = file.as_deref().and_then(|file| changed_at(file).ok());
        let rules = file.as_deref().map_or_else(|| Ok(SpamRules::builtin()), parse)?;
        let page = Page { rules: Arc::new(rules), read, looked_at: Instant::now() };
        Ok(Self { file, page: Mutex::new(page) })
    }

    /// The rules. A file that has changed is read again before; one with a mistake leaves the old rules in force, and
    /// is told of once in the log.
    pub(super) async fn rules(self: &Arc<Self>) -> Arc<SpamRules> {
        if self.file.is_some() && self.is_due() {
            let book = Arc::clone(self);
            // Only a panic or the end of the runtime ends it unasked; then there are the old rules.
            let _ = tokio::task::spawn_blocking(move || book.reread()).await;
        }
        Arc::clone(&self.lock().rules)
    }

    /// Whether it is time to look at the file; then it is this caller's task.
    fn is_due(&self) -> bool {
        let mut page = self.lock();
        let due = page.looked_at.elapsed() >= LOOKED_AT_EVERY;
        if due {
            page.looked_at = Instant::now();
        }
        due
    }

    fn reread(&self) {
        let Some(file) = self.file.as_deref() else { return };
        let now = changed_at(file).ok();
        if now.is_none() || now == self.lock().read {
            return;
        }
        let parsed = parse(file);
        metrics::reloaded(parsed.is_ok());
        let mut page = self.lock();
        page.read = now;
        match parsed {
            Ok(rules) => {
                tracing::info!(file = %file.display(), rules = rules.count(), "spam rules read again");
                page.rules = Arc::new(rules);
            }
            Err(error) => tracing::error!(%error, "the old spam rules stay in force"),
        }
    }

    /// What a panicking thread left is whole: it is replaced at once or not at all.
    fn lock(&self) -> std::sync::MutexGuard<'_, Page> {
        self.page.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn parse(file: &Path) -> Result<SpamRules, String> {
    let failed = |why: String| format!("spam rules {}: {why}", file.display());
    let text = fs::read_to_string(file).map_err(|error| failed(error.to_string()))?;
    SpamRules::parse(&text).map_err(|error| failed(error.to_string()))
}

fn changed_at(file: &Path) -> io::Result<SystemTime> {
    fs::metadata(file)?.modified()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "spam_at = 5\n[[rule]]\nname = \"a\"\npoints = 1\ndescription = \"d\"\nbody = 'x'\n";

    #[test]
    fn a_file_that_changes_is_read_again_and_a_mistake_leaves_the_old_rules() {
        let folder = std::env::temp_dir().join(format!("mailwright-spam-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("rules.toml");
        let write = |text: &str, age: u64| {
            fs::write(&file, text).unwrap();
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(age);
            fs::File::options().write(true).open(&file).unwrap().set_modified(time).unwrap();
        };
        write(ONE, 1);
        let book = Book::open(Some(file.clone())).unwrap();
        let rules = || {
            book.reread();
            book.lock().rules.count()
        };
        assert_eq!(rules(), 1);
        write("spam_at = 5\nrule = 1", 2);
        assert_eq!(rules(), 1);
        write(&format!("{ONE}{}", ONE[12..].replace("\"a\"", "\"b\"")), 3);
        assert_eq!(rules(), 2);
        write("spam_at = 5\nrule = 1", 4);
        let error = Book::open(Some(file.clone())).err().unwrap();
        assert!(error.starts_with(&format!("spam rules {}: line 2: ", file.display())), "{error}");
        fs::remove_dir_all(folder).unwrap();
    }
}
