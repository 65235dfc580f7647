//! The order of the pages, as the table of contents has it: each second heading is a chapter, each link a page of it.

use super::{
    markdown::{parse, words_until},
    source::{CONTENTS, resolve},
};
use pulldown_cmark::{Event, HeadingLevel, Tag, TagEnd};
use std::collections::BTreeSet;

/// Pages that belong together.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Chapter {
    /// What it is called.
    pub(super) name: String,
    /// Its pages, by their paths in the repository.
    pub(super) pages: Vec<String>,
}

/// Reads the chapters out of the table of contents. A page that it names twice belongs where it is named first.
pub(super) fn chapters(contents: &str, pages: &BTreeSet<String>) -> Vec<Chapter> {
    let events: Vec<Event<'_>> = parse(contents).collect();
    let mut chapters: Vec<Chapter> = Vec::new();
    let mut seen = BTreeSet::from([CONTENTS.to_owned()]);
    for (at, event) in events.iter().enumerate() {
        match event {
            Event::Start(Tag::Heading { level: HeadingLevel::H2, .. }) => {
                let name = words_until(&events[at..], |tag| matches!(tag, TagEnd::Heading(_)));
                chapters.push(Chapter { name, pages: Vec::new() });
            }
            Event::Start(Tag::Link { dest_url, .. }) => {
                let path = resolve(CONTENTS, dest_url.split('#').next().unwrap_or_default());
                let Some(chapter) = chapters.last_mut() else { continue };
                if pages.contains(&path) && seen.insert(path.clone()) {
                    chapter.pages.push(path);
                }
            }
            _ => {}
        }
    }
    chapters.retain(|chapter| !chapter.pages.is_empty());
    chapters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_are_chapters_and_links_are_pages() {
        let pages = ["docs/a.md", "docs/b.md", "ARCHITECTURE.md", "docs/README.md"].map(str::to_owned).into();
        let contents = "# All\n\n[first](b.md)\n\n## One & two\n\n- [A](a.md#x): [again](a.md)\n- [Out](https://example.com)\n\n\
                        ## Empty\n\n- [code](../engine/src/lib.rs)\n\n## More\n\n| | |\n|---|---|\n| [B](b.md) | [A](a.md) |\n\
                        | [whole](../ARCHITECTURE.md) | |\n";
        let found = chapters(contents, &pages);
        let found: Vec<_> = found.iter().map(|one| (one.name.as_str(), one.pages.join(" "))).collect();
        assert_eq!(found, [("One & two", "docs/a.md".into()), ("More", "docs/b.md ARCHITECTURE.md".into())]);
    }
}
