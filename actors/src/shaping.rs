//! The shaping in force, and where it is read from.

use mailwright_engine::{
    address::Domain,
    class::SourceName,
    shaping::{Effective, Explanation, Shaping, SiteFacts},
};
use std::{cell::RefCell, fs, io, path::PathBuf, time::SystemTime};

/// The shaping in force. Used on one thread.
pub struct ShapingBook {
    /// `None`: what is built in.
    file: Option<PathBuf>,
    read_at: RefCell<Option<SystemTime>>,
    shaping: RefCell<Shaping>,
}

impl ShapingBook {
    /// What is built in.
    pub fn builtin() -> Self {
        Self::fixed(Shaping::builtin())
    }

    /// Shaping that is never read again.
    pub fn fixed(shaping: Shaping) -> Self {
        Self { file: None, read_at: RefCell::default(), shaping: RefCell::new(shaping) }
    }

    /// Reads `file`, now and whenever it changes.
    ///
    /// # Errors
    /// When it cannot be read or is not valid, in words that name file, line and reason.
    pub fn open(file: PathBuf) -> Result<Self, String> {
        let book = Self { file: Some(file), ..Self::builtin() };
        book.reload()?;
        Ok(book)
    }

    /// Reads the file again; what was in force stays when it is not valid.
    ///
    /// # Errors
    /// As [`ShapingBook::open`].
    pub fn reload(&self) -> Result<(), String> {
        let Some(file) = &self.file else { return Ok(()) };
        let failed = |why: String| format!("shaping {}: {why}", file.display());
        *self.read_at.borrow_mut() = changed_at(file).ok();
        let text = fs::read_to_string(file).map_err(|error| failed(error.to_string()))?;
        *self.shaping.borrow_mut() = Shaping::parse(&text).map_err(|error| failed(error.to_string()))?;
        Ok(())
    }

    /// Whether the file is another than the one read last.
    pub fn has_changed(&self) -> bool {
        let now = self.file.as_deref().and_then(|file| changed_at(file).ok());
        now.is_some() && now != *self.read_at.borrow()
    }

    /// How a site is to be treated; `own`: the domain it is for alone.
    pub fn resolve(&self, own: Option<&Domain>, hosts: &[String], source: &SourceName) -> Effective {
        let facts = SiteFacts { domain: own, mx_hosts: hosts, source: Some(source.as_str()) };
        self.shaping.borrow().resolve(&facts)
    }

    /// How a site is to be treated and which layer says so.
    pub fn explain(&self, facts: &SiteFacts<'_>) -> Explanation {
        self.shaping.borrow().explain(facts)
    }

    /// Whether there is a section for this domain.
    pub fn has_domain(&self, domain: &Domain) -> bool {
        self.shaping.borrow().has_domain(domain)
    }
}

fn changed_at(file: &std::path::Path) -> io::Result<SystemTime> {
    fs::metadata(file)?.modified()
}
