//! Lists of `tag=value` between semicolons (RFC 6376 section 3.2), the form of DKIM keys, DMARC policies and BIMI
//! records.

/// Longest piece of a record that an error repeats, in characters.
const MAX_SHOWN: usize = 60;

/// The tags of a record, in its order. Names are compared exactly, values are without white space around them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagList<'a>(Vec<(&'a str, &'a str)>);

/// What is wrong with a list of tags.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    /// A piece without an equals sign, or with a name that is not letters, digits and underscores.
    #[error("{text:?} at character {at} is not of the form tag=value")]
    NotATag {
        /// Where it stands, from 1.
        at: usize,
        /// How it begins.
        text: String,
    },
    /// A tag that occurs twice, which makes the whole record invalid.
    #[error("the tag {name}= occurs twice, the second time at character {at}")]
    Twice {
        /// Where, from 1.
        at: usize,
        /// Its name.
        name: String,
    },
}

impl<'a> TagList<'a> {
    /// Reads a record.
    ///
    /// # Errors
    /// [`TagError`] with the first thing wrong and where it stands.
    pub fn parse(record: &'a str) -> Result<Self, TagError> {
        let mut tags: Vec<(&str, &str)> = Vec::new();
        let mut start = 0;
        for piece in record.split(';') {
            let at = start;
            start += piece.len() + 1;
            if piece.trim().is_empty() {
                continue;
            }
            let place = || {
                let blanks = piece.len() - piece.trim_start().len();
                record[..at + blanks].chars().count() + 1
            };
            let tag = piece.split_once('=').map(|(name, value)| (name.trim(), value.trim()));
            let Some((name, value)) = tag.filter(|(name, _)| is_name(name)) else {
                let text = piece.trim().chars().take(MAX_SHOWN).collect();
                return Err(TagError::NotATag { at: place(), text });
            };
            if tags.iter().any(|(other, _)| *other == name) {
                return Err(TagError::Twice { at: place(), name: name.chars().take(MAX_SHOWN).collect() });
            }
            tags.push((name, value));
        }
        Ok(Self(tags))
    }

    /// The value of the tag `name`.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(other, _)| *other == name).map(|(_, value)| *value)
    }

    /// The first tag, which has to be the version where there is one.
    pub fn first(&self) -> Option<(&'a str, &'a str)> {
        self.0.first().copied()
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Whether a record begins with the tag `v` of this value, as far as its case and white space go.
pub(super) fn has_version(record: &str, version: &str) -> bool {
    let head = record.split(';').next().unwrap_or_default();
    head.split_once('=').is_some_and(|(name, value)| name.trim() == "v" && value.trim() == version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_tags_and_says_where_one_is_wrong() {
        let tags = TagList::parse(" v=DKIM1 ; k = rsa;p=AB C= ;").unwrap();
        assert_eq!(tags.first(), Some(("v", "DKIM1")));
        assert_eq!((tags.get("k"), tags.get("p"), tags.get("t")), (Some("rsa"), Some("AB C="), None));
        let error = TagList::parse("v=DKIM1; nonsense; p=").unwrap_err();
        assert_eq!(error, TagError::NotATag { at: 10, text: "nonsense".into() });
        let error = TagList::parse("p=a;  p=b").unwrap_err();
        assert_eq!(error, TagError::Twice { at: 7, name: "p".into() });
        assert!(has_version("v=DMARC1;p=none", "DMARC1") && has_version("v = DMARC1", "DMARC1"));
        assert!(!has_version("v=DMARC12", "DMARC1") && !has_version("DMARC1", "DMARC1"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,80}") {
            if let Ok(tags) = TagList::parse(&text) {
                prop_assert!(tags.0.iter().all(|(name, _)| is_name(name)));
            }
        }
    }
}
