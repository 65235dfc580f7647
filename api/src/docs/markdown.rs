//! Markdown to HTML: headings with names, links to where things are served, tables and code that scroll by themselves.

use super::{
    slug::Slugs,
    source::{self, Source, address_of, place_of, resolve},
};
use crate::html::escaped;
use pulldown_cmark::{
    Alignment, CodeBlockKind, CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html::push_html,
};
use std::collections::BTreeSet;

/// A heading of a page.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Heading {
    /// 1 for the page's title.
    pub(super) level: u8,
    /// What it is called in links.
    pub(super) id: String,
    /// What it says.
    pub(super) text: String,
}

/// What stands under a heading, as plain words.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Section {
    /// Which heading of the page: its index.
    pub(super) heading: usize,
    /// The words.
    pub(super) words: String,
}

/// A page.
#[derive(Debug, Default)]
pub(super) struct Rendered {
    /// The HTML of its content.
    pub(super) html: String,
    /// Its headings, in order.
    pub(super) headings: Vec<Heading>,
    /// Its words, by heading.
    pub(super) sections: Vec<Section>,
}

impl Rendered {
    /// What the first heading says.
    pub(super) fn title(&self) -> &str {
        self.headings.first().map_or("", |heading| &heading.text)
    }
}

/// What the pages know of: the paths of all files that are served.
pub(super) type Served = BTreeSet<String>;

/// Makes the HTML of a page.
pub(super) fn render(page: &Source, served: &Served) -> Rendered {
    let text = String::from_utf8_lossy(&page.content);
    let events: Vec<Event<'_>> = parse(&text).collect();
    let mut writer = Writer::new(&page.path, served);
    let mut shown = Vec::with_capacity(events.len());
    for (at, event) in events.iter().enumerate() {
        writer.take(event, &events[at..], &mut shown);
    }
    let mut html = String::with_capacity(text.len() * 2);
    push_html(&mut html, shown.into_iter());
    Rendered { html, ..writer.rendered }
}

/// Reads Markdown as all pages are read.
pub(super) fn parse(text: &str) -> Parser<'_> {
    Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES | Options::ENABLE_STRIKETHROUGH)
}

/// The words of inline events up to the end of what they are in.
pub(super) fn words_until(events: &[Event<'_>], end: impl Fn(&TagEnd) -> bool) -> String {
    let inside = events.iter().take_while(|event| !matches!(event, Event::End(tag) if end(tag)));
    inside.filter_map(word).collect()
}

fn word<'a>(event: &'a Event<'_>) -> Option<&'a str> {
    match event {
        Event::Text(text) | Event::Code(text) => Some(text),
        Event::SoftBreak | Event::HardBreak => Some(" "),
        _ => None,
    }
}

/// What is known at a place of a page.
struct Writer<'a> {
    from: &'a str,
    served: &'a Served,
    slugs: Slugs,
    rendered: Rendered,
    /// How the columns of the table at hand are aligned, and which one is next.
    columns: Vec<Alignment>,
    column: usize,
    /// Whether the table's head says nothing and is left out.
    in_silent_head: bool,
    in_head: bool,
    /// What ends the links that are open.
    open_links: Vec<&'static str>,
}

impl<'a> Writer<'a> {
    fn new(from: &'a str, served: &'a Served) -> Self {
        Self {
            from,
            served,
            slugs: Slugs::default(),
            rendered: Rendered::default(),
            columns: Vec::new(),
            column: 0,
            in_silent_head: false,
            in_head: false,
            open_links: Vec::new(),
        }
    }

    /// Takes an event; `ahead` begins with it.
    fn take<'e>(&mut self, event: &Event<'e>, ahead: &[Event<'e>], shown: &mut Vec<Event<'e>>) {
        self.note_words(event);
        match event {
            Event::Start(tag) => self.start(tag, ahead, shown),
            Event::End(tag) => self.end(tag, shown),
            _ if self.in_silent_head => {}
            other => shown.push(other.clone()),
        }
    }

    fn note_words(&mut self, event: &Event<'_>) {
        let ends_word = matches!(event, Event::End(tag) if !is_inline(*tag));
        let Some(word) = word(event).or(ends_word.then_some(" ")) else { return };
        if let Some(section) = self.rendered.sections.last_mut() {
            section.words.push_str(word);
        }
    }

    fn start<'e>(&mut self, tag: &Tag<'e>, ahead: &[Event<'e>], shown: &mut Vec<Event<'e>>) {
        let html = match tag {
            Tag::Heading { level, .. } => self.heading(*level, ahead),
            Tag::Link { dest_url, .. } => self.link(dest_url),
            Tag::Image { link_type, dest_url, title, id } => {
                let dest_url = CowStr::from(self.target(dest_url).unwrap_or_else(|| dest_url.to_string()));
                let image =
                    Tag::Image { link_type: *link_type, dest_url, title: title.clone(), id: id.clone() };
                return shown.push(Event::Start(image));
            }
            Tag::CodeBlock(kind) => code_block(kind),
            Tag::Table(columns) => {
                self.columns.clone_from(columns);
                let under = self.rendered.headings.last().map_or("", |heading| &heading.text);
                format!(
                    "<div class=\"table\" role=\"group\" aria-label=\"Table: {}\" tabindex=\"0\"><table>",
                    escaped(under)
                )
            }
            Tag::TableHead => {
                self.column = 0;
                self.in_head = true;
                self.in_silent_head = words_until(ahead, |tag| *tag == TagEnd::TableHead).trim().is_empty();
                if self.in_silent_head { "<tbody>".into() } else { "<thead><tr>".into() }
            }
            Tag::TableRow => {
                self.column = 0;
                "<tr>".into()
            }
            Tag::TableCell if self.in_silent_head => return,
            Tag::TableCell => self.cell(),
            other => return shown.push(Event::Start(other.clone())),
        };
        shown.push(Event::Html(html.into()));
    }

    fn end<'e>(&mut self, tag: &TagEnd, shown: &mut Vec<Event<'e>>) {
        let html = match tag {
            TagEnd::Heading(level) => {
                let id = self.rendered.headings.last().map_or("", |heading| &heading.id);
                format!(
                    "<a class=\"anchor\" href=\"#{id}\" aria-label=\"Link to this section\">#</a></{level}>\n"
                )
            }
            TagEnd::Link => self.open_links.pop().unwrap_or_default().into(),
            TagEnd::CodeBlock => "</code></pre>\n".into(),
            TagEnd::Table => "</tbody></table></div>\n".into(),
            TagEnd::TableHead => {
                self.in_head = false;
                if std::mem::take(&mut self.in_silent_head) {
                    return;
                }
                "</tr></thead><tbody>\n".into()
            }
            TagEnd::TableRow => "</tr>\n".into(),
            TagEnd::TableCell if self.in_silent_head => return,
            TagEnd::TableCell => if self.in_head { "</th>" } else { "</td>" }.into(),
            other => return shown.push(Event::End(*other)),
        };
        shown.push(Event::Html(html.into()));
    }

    fn heading(&mut self, level: HeadingLevel, ahead: &[Event<'_>]) -> String {
        let text = words_until(ahead, |tag| matches!(tag, TagEnd::Heading(_)));
        let id = self.slugs.name(&text);
        let html = format!("<{level} id=\"{id}\">");
        self.rendered.sections.push(Section { heading: self.rendered.headings.len(), words: String::new() });
        self.rendered.headings.push(Heading { level: level as u8, id, text });
        html
    }

    /// The beginning of a link. What is not served is named, not linked to: whoever reads here may have no repository.
    fn link(&mut self, to: &str) -> String {
        let (html, end) = match self.target(to) {
            Some(address) => (format!("<a href=\"{}\">", escaped(&address)), "</a>"),
            None => {
                let path = escaped(&resolve(self.from, to));
                (
                    format!(
                        "<span class=\"in-source\" data-source=\"{path}\" title=\"In the source: {path}\">"
                    ),
                    "</span>",
                )
            }
        };
        self.open_links.push(end);
        html
    }

    /// The address that a link means, if it is served or elsewhere.
    fn target(&self, to: &str) -> Option<String> {
        if to.contains("://") || to.starts_with('#') || to.starts_with("mailto:") || to.starts_with('/') {
            return Some(to.to_owned());
        }
        let (path, anchor) = to.split_once('#').map_or((to, None), |(path, anchor)| (path, Some(anchor)));
        let path = resolve(self.from, path);
        let mut address = match path.as_str() {
            // The folder has no page of its own: its table is a chapter of the contents.
            "docs/decisions" => return Some(format!("{}#decisions", source::ROOT)),
            served if self.served.contains(served) => address_of(&place_of(served)),
            _ => return None,
        };
        if let Some(anchor) = anchor {
            address.push('#');
            address.push_str(anchor);
        }
        Some(address)
    }

    fn cell(&mut self) -> String {
        let class = match self.columns.get(self.column) {
            Some(Alignment::Right) => " class=\"right\"",
            Some(Alignment::Center) => " class=\"center\"",
            _ => "",
        };
        self.column += 1;
        if self.in_head { format!("<th scope=\"col\"{class}>") } else { format!("<td{class}>") }
    }
}

fn is_inline(tag: TagEnd) -> bool {
    matches!(tag, TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough | TagEnd::Link | TagEnd::Image)
}

fn code_block(kind: &CodeBlockKind<'_>) -> String {
    match kind {
        CodeBlockKind::Fenced(language) if !language.is_empty() => {
            format!("<pre tabindex=\"0\"><code class=\"language-{}\">", escaped(language))
        }
        _ => "<pre tabindex=\"0\"><code>".into(),
    }
}

#[cfg(test)]
mod tests;
