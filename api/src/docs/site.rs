//! All pages, made when the first is asked for and kept: some 2 MiB, which do not grow.

use super::{
    contents,
    layout::Frame,
    markdown::{Rendered, Served, render},
    source::{self, CONTENTS, Source, address_of, place_of},
};
use crate::embedded::EmbeddedFile;
use serde_json::{Value, json};
use std::{collections::HashMap, sync::LazyLock};

/// The site of this binary.
pub(super) static SITE: LazyLock<Site> = LazyLock::new(|| Site::new(source::all()));

/// Where the words of all pages are.
const SEARCH: &str = "search.json";

/// What is served.
pub(super) struct Site {
    /// Everything by its path below `/docs`.
    pub(super) files: HashMap<String, EmbeddedFile>,
    /// What is said where there is nothing.
    pub(super) missing: EmbeddedFile,
}

impl Site {
    fn new(sources: Vec<Source>) -> Self {
        let served: Served = sources.iter().map(|source| source.path.clone()).collect();
        let (pages, others): (Vec<_>, Vec<_>) = sources.into_iter().partition(Source::is_page);
        let rendered: Vec<(&Source, Rendered)> =
            pages.iter().map(|page| (page, render(page, &served))).collect();
        let frame = frame(&rendered, &served);
        let mut files = HashMap::new();
        for file in others {
            files.insert(place_of(&file.path), EmbeddedFile::new(&file.path, file.content));
        }
        for (source, page) in &rendered {
            let html = frame.page(&source.path, &page.html, &page.headings);
            files.insert(place_of(&source.path), EmbeddedFile::new("page.html", html.into_bytes()));
        }
        let words: Value = rendered.iter().flat_map(|(source, page)| words(&source.path, page)).collect();
        files.insert(SEARCH.into(), EmbeddedFile::new(SEARCH, words.to_string().into_bytes()));
        let missing = EmbeddedFile::new("missing.html", frame.missing().into_bytes());
        Self { files, missing }
    }
}

fn frame(pages: &[(&Source, Rendered)], served: &Served) -> Frame {
    let contents = pages.iter().find(|(source, _)| source.path == CONTENTS);
    let contents = contents.map(|(source, _)| String::from_utf8_lossy(&source.content)).unwrap_or_default();
    let titles = pages.iter().map(|(source, page)| (source.path.clone(), page.title().to_owned()));
    Frame { chapters: contents::chapters(&contents, served), titles: titles.collect() }
}

/// What can be found of a page: each heading with its words.
fn words(path: &str, page: &Rendered) -> Vec<Value> {
    let address = address_of(&place_of(path));
    let sections = page.sections.iter().filter_map(|section| {
        let heading = page.headings.get(section.heading)?;
        let address =
            if section.heading == 0 { address.clone() } else { format!("{address}#{}", heading.id) };
        let words: Vec<&str> = section.words.split_whitespace().collect();
        Some(json!({
            "page": page.title(), "heading": heading.text, "address": address, "words": words.join(" "),
        }))
    });
    sections.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_is_in_the_table_of_contents() {
        let sources = source::all();
        let pages: Served = sources.iter().filter(|one| one.is_page()).map(|one| one.path.clone()).collect();
        let contents = sources.iter().find(|one| one.path == CONTENTS).unwrap();
        let chapters = contents::chapters(&String::from_utf8_lossy(&contents.content), &pages);
        let mut listed: Served = chapters.into_iter().flat_map(|chapter| chapter.pages).collect();
        listed.insert(CONTENTS.into());
        assert_eq!(listed, pages);
    }
}
