//! Reading the pages as a browser does: what they are, lead to and load.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use mailwright_tests::error::{Context, Error, Result};
use ureq::Agent;
use ureq::http::HeaderMap;

/// What was answered at one address.
pub(crate) struct Page {
    /// The HTTP status.
    pub(crate) status: u16,
    headers: HeaderMap,
    /// Where its links lead.
    pub(crate) links: BTreeSet<String>,
    /// What it loads by itself.
    pub(crate) loads: BTreeSet<String>,
    /// What it names of the source, by paths in the repository.
    pub(crate) sources: BTreeSet<String>,
    anchors: BTreeSet<String>,
    /// Whether it has a style or script inside, which its policy forbids.
    pub(crate) has_inline: bool,
}

impl Page {
    /// Asks for the page at `path`.
    pub(crate) fn get(server: SocketAddr, path: &str) -> Result<Self> {
        let config = Agent::config_builder().http_status_as_error(false).build();
        let answer = config.new_agent().get(format!("http://{server}{path}")).call();
        let failed = |source| Error::Http { what: path.into(), source: Box::new(source) };
        let mut answer = answer.map_err(failed)?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let mut page = Self {
            status,
            headers,
            links: BTreeSet::new(),
            loads: BTreeSet::new(),
            sources: BTreeSet::new(),
            anchors: BTreeSet::new(),
            has_inline: false,
        };
        // To its end, whatever it is: some are pictures.
        let body = answer.body_mut().read_to_vec().map_err(failed)?;
        if page.is_html() {
            let body = String::from_utf8_lossy(&body);
            body.split('<').skip(1).filter_map(|tag| tag.split_once('>')).for_each(|(tag, _)| page.read(tag));
        }
        Ok(page)
    }

    /// Takes what stands between `<` and `>`; text has neither, they are escaped there.
    fn read(&mut self, tag: &str) {
        let name = tag.split_whitespace().next().unwrap_or_default();
        self.anchors.extend(attribute(tag, "id"));
        self.sources.extend(attribute(tag, "data-source"));
        self.loads.extend(attribute(tag, "src"));
        match name {
            "link" => self.loads.extend(attribute(tag, "href")),
            _ => self.links.extend(attribute(tag, "href")),
        }
        let is_bare_script = name == "script" && attribute(tag, "src").is_none();
        self.has_inline |=
            name == "style" || is_bare_script || tag.contains(" style=") || tag.contains(" onclick=");
    }

    /// Whether it is a page for people.
    pub(crate) fn is_html(&self) -> bool {
        self.header("content-type").starts_with("text/html")
    }

    /// A header field; empty if there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Whether a link to this place of the page leads somewhere. The API reference makes its own in the browser.
    pub(crate) fn has(&self, anchor: &str) -> bool {
        anchor.is_empty() || self.anchors.contains(anchor)
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    Some(rest.split_once('"')?.0.replace("&amp;", "&"))
}

/// Every page that links and loads lead to from the first, each once. Pages of the dashboard and the API are asked for, but
/// not read further.
pub(crate) fn crawl(server: SocketAddr) -> Result<BTreeMap<String, Page>> {
    let mut pages = BTreeMap::new();
    let mut ahead = vec!["/docs".to_owned()];
    while let Some(path) = ahead.pop() {
        if pages.contains_key(&path) {
            continue;
        }
        let page = Page::get(server, &path)?;
        if path.starts_with("/docs") {
            let links = page.links.iter().chain(&page.loads).filter(|link| link.starts_with("/docs"));
            ahead.extend(links.map(|link| link.split('#').next().unwrap_or_default().to_owned()));
        }
        pages.insert(path, page);
    }
    Ok(pages)
}

/// The repository's folder.
pub(crate) fn repository() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Every Markdown file in a folder and below.
pub(crate) fn markdown_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).context("list the documentation")? {
        let path = entry.context("list the documentation")?.path();
        if path.is_dir() {
            files.extend(markdown_files(&path)?);
        } else if path.extension().is_some_and(|ending| ending == "md") {
            files.push(path);
        }
    }
    Ok(files)
}
