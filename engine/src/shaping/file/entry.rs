//! Keys and values of a parsed text, each with its path and its place.

use super::value::found;
use crate::shaping::error::Problems;
use std::ops::Range;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// One key with its value.
#[derive(Debug, Clone)]
pub(super) struct Entry<'t, 'i> {
    /// From the root, as `provider.google.connections`.
    pub(super) path: String,
    /// The last part of the path.
    pub(super) name: &'t str,
    key_span: Range<usize>,
    value: &'t Spanned<DeValue<'i>>,
}

impl<'t, 'i> Entry<'t, 'i> {
    /// The entries of a table in the order of the text; its own path is `parent`, empty for the root.
    pub(super) fn all(parent: &str, table: &'t DeTable<'i>) -> Vec<Self> {
        let entry = |(key, value): (&'t Spanned<_>, _)| {
            let name: &'t str = std::borrow::Cow::as_ref(key.get_ref());
            Self { path: join(parent, name), name, key_span: key.span(), value }
        };
        let mut entries: Vec<_> = table.iter().map(entry).collect();
        entries.sort_by_key(|entry| entry.key_span.start);
        entries
    }

    /// The value.
    pub(super) fn value(&self) -> &'t DeValue<'i> {
        self.value.get_ref()
    }

    /// What `read` makes of the value; `None` once its mistake is noted.
    pub(super) fn read<T>(
        &self,
        problems: &mut Problems<'_>,
        read: impl FnOnce(&'t DeValue<'i>) -> Result<T, String>,
    ) -> Option<T> {
        read(self.value()).map_err(|reason| problems.add(&self.value.span(), &self.path, reason)).ok()
    }

    /// Notes that something is wrong with the key itself.
    pub(super) fn refuse(&self, problems: &mut Problems<'_>, reason: impl Into<String>) {
        problems.add(&self.key_span, &self.path, reason);
    }

    /// The entries of the table that the value has to be.
    pub(super) fn table(&self, problems: &mut Problems<'_>) -> Vec<Self> {
        let table = self.read(problems, |value| match value {
            DeValue::Table(table) => Ok(table),
            other => Err(format!("this has to be a table, not {}", found(other))),
        });
        table.map(|table| Self::all(&self.path, table)).unwrap_or_default()
    }

    /// The elements of the list that the value has to be, named by their number.
    pub(super) fn list(&self, problems: &mut Problems<'_>) -> Vec<Self> {
        let list = self.read(problems, |value| match value {
            DeValue::Array(list) => Ok(list),
            other => Err(format!("this has to be a list, not {}", found(other))),
        });
        let elements = list.into_iter().flat_map(|list| list.iter()).enumerate();
        elements
            .map(|(number, value)| Self {
                path: format!("{}[{number}]", self.path),
                name: self.name,
                key_span: value.span(),
                value,
            })
            .collect()
    }
}

fn join(parent: &str, name: &str) -> String {
    let bare = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-') && !name.is_empty();
    let name = if bare { name.to_owned() } else { format!("{name:?}") };
    if parent.is_empty() { name } else { format!("{parent}.{name}") }
}
