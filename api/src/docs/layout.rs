//! What surrounds the content of a page: its head, the search, the list of all pages, the way to the next one.

use super::{
    contents::Chapter,
    markdown::Heading,
    source::{address_of, place_of},
};
use crate::html::escaped;
use std::collections::BTreeMap;

/// A chapter with more pages is folded where the reader is not in it.
const LONG_CHAPTER: usize = 20;
/// The page on which requests can be tried, which has a script of its own.
const REFERENCE: &str = "docs/api-reference.md";
/// Headings below a page's title that its own table of contents shows.
const SHOWN_LEVELS: std::ops::RangeInclusive<u8> = 2..=3;

/// What every page has.
pub(super) struct Frame {
    /// The chapters, in order.
    pub(super) chapters: Vec<Chapter>,
    /// What each page is called, by its path in the repository.
    pub(super) titles: BTreeMap<String, String>,
}

impl Frame {
    /// The whole page at `path` of the repository.
    pub(super) fn page(&self, path: &str, content: &str, headings: &[Heading]) -> String {
        let title = headings.first().map_or("", |heading| &heading.text);
        let script =
            if path == REFERENCE { "<script src=\"/docs/site/reference.js\" defer></script>" } else { "" };
        let (toc, around) = (toc(headings), self.around(path));
        self.document(path, title, script, &format!("<article>\n{content}</article>\n{around}"), &toc)
    }

    /// The page for addresses that have none.
    pub(super) fn missing(&self) -> String {
        let content = "<article><h1>There is no such page</h1><p>It may have moved: look for it in the list of all pages, \
                       search for it, or go back to the <a href=\"/docs\">beginning</a>.</p></article>";
        self.document("", "There is no such page", "", content, "")
    }

    fn document(&self, path: &str, title: &str, script: &str, main: &str, toc: &str) -> String {
        let (title, pages) = (escaped(title), self.pages(path));
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title} · mailwright</title>\n\
             <link rel=\"icon\" href=\"/docs/site/icon.svg\">\n<link rel=\"stylesheet\" href=\"/docs/site/docs.css\">\n\
             <script src=\"/docs/site/docs.js\" defer></script>{script}\n</head>\n<body>\n\
             <a class=\"skip\" href=\"#content\">Skip to the content</a>\n\
             <header><a class=\"home\" href=\"/docs\">mailwright <span>docs</span></a>\
             <a class=\"to-pages\" href=\"#pages\">All pages</a>\
             <form role=\"search\" id=\"search\" hidden><label for=\"query\">Search</label>\
             <input id=\"query\" type=\"search\" placeholder=\"Search ( / )\" autocomplete=\"off\" role=\"combobox\" \
             aria-expanded=\"false\" aria-controls=\"found\" aria-autocomplete=\"list\">\
             <div id=\"found\" role=\"listbox\" aria-label=\"Results\" hidden></div></form></header>\n\
             <div class=\"frame\">\n<main id=\"content\" tabindex=\"-1\">\n{main}</main>\n{toc}\
             <nav id=\"pages\" aria-label=\"All pages\">\n{pages}</nav>\n</div>\n</body>\n</html>\n"
        )
    }

    /// The list of all pages.
    fn pages(&self, current: &str) -> String {
        let chapters = self.chapters.iter().map(|chapter| {
            let is_open =
                chapter.pages.len() < LONG_CHAPTER || chapter.pages.iter().any(|page| page == current);
            let open = if is_open { " open" } else { "" };
            let pages: String = chapter.pages.iter().map(|page| self.item(page, current)).collect();
            let name = escaped(&chapter.name);
            format!("<details{open}><summary>{name}</summary>\n<ul>\n{pages}</ul></details>\n")
        });
        chapters.collect()
    }

    fn item(&self, page: &str, current: &str) -> String {
        let mark = if page == current { " aria-current=\"page\"" } else { "" };
        format!("<li><a href=\"{}\"{mark}>{}</a></li>\n", address_of(&place_of(page)), self.title(page))
    }

    /// The ways to the page before and to the next one.
    fn around(&self, path: &str) -> String {
        let order: Vec<&String> = self.chapters.iter().flat_map(|chapter| &chapter.pages).collect();
        let (before, next) = match order.iter().position(|page| *page == path) {
            Some(at) => (at.checked_sub(1).and_then(|before| order.get(before)), order.get(at + 1)),
            None => (None, order.first()),
        };
        let link = |page: Option<&&String>, rel: &str, says: &str| {
            page.map(|page| {
                let (address, title) = (address_of(&place_of(page)), self.title(page));
                format!("<a rel=\"{rel}\" href=\"{address}\"><span>{says}</span> {title}</a>")
            })
            .unwrap_or_default()
        };
        let links = link(before, "prev", "Before") + &link(next, "next", "Next");
        format!("<nav class=\"around\" aria-label=\"Neighbouring pages\">{links}</nav>\n")
    }

    fn title(&self, page: &str) -> String {
        escaped(self.titles.get(page).map_or(page, String::as_str))
    }
}

/// The page's own table of contents, if it has more than one heading to choose from.
fn toc(headings: &[Heading]) -> String {
    let shown: Vec<&Heading> =
        headings.iter().filter(|heading| SHOWN_LEVELS.contains(&heading.level)).collect();
    if shown.len() < 2 {
        return String::new();
    }
    let items = shown.iter().map(|heading| {
        let Heading { level, id, text } = heading;
        format!("<li class=\"level-{level}\"><a href=\"#{id}\">{}</a></li>\n", escaped(text))
    });
    let items: String = items.collect();
    format!("<nav class=\"toc\" aria-label=\"On this page\"><p>On this page</p><ul>\n{items}</ul></nav>\n")
}
