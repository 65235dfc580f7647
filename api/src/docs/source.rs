//! The files that the documentation is made of, by their path in the repository, and where each is served.

use rust_embed::Embed;
use std::borrow::Cow;

/// Where the first page is.
pub(super) const ROOT: &str = "/docs";
/// The table of contents.
pub(super) const CONTENTS: &str = "docs/README.md";

#[derive(Embed)]
#[folder = "../docs/"]
struct Docs;

#[derive(Embed)]
#[folder = "../config/"]
struct Config;

/// Files of the repository's own folder that the documentation leads to.
const PROJECT: [(&str, &str); 6] = [
    ("README.md", include_str!("../../../README.md")),
    ("ARCHITECTURE.md", include_str!("../../../ARCHITECTURE.md")),
    ("CHANGELOG.md", include_str!("../../../CHANGELOG.md")),
    ("CONTRIBUTING.md", include_str!("../../../CONTRIBUTING.md")),
    ("LICENSE-MIT", include_str!("../../../LICENSE-MIT")),
    ("LICENSE-APACHE", include_str!("../../../LICENSE-APACHE")),
];

/// A file.
pub(super) struct Source {
    /// Its path in the repository: `docs/guide-tls.md`.
    pub(super) path: String,
    /// What is in it.
    pub(super) content: Cow<'static, [u8]>,
}

impl Source {
    /// Whether it becomes a page; everything else is served as it is.
    pub(super) fn is_page(&self) -> bool {
        self.path.ends_with(".md")
    }
}

/// Every file.
pub(super) fn all() -> Vec<Source> {
    let docs = Docs::iter().filter_map(|name| Some(from_folder("docs", &name, Docs::get(&name)?.data)));
    let config =
        Config::iter().filter_map(|name| Some(from_folder("config", &name, Config::get(&name)?.data)));
    let project = PROJECT
        .iter()
        .map(|(path, content)| Source { path: (*path).into(), content: Cow::Borrowed(content.as_bytes()) });
    docs.chain(config).chain(project).collect()
}

fn from_folder(folder: &str, name: &str, content: Cow<'static, [u8]>) -> Source {
    Source { path: format!("{folder}/{name}"), content }
}

/// Where the file at `path` of the repository is served, below [`ROOT`] and without a slash at either end.
pub(super) fn place_of(path: &str) -> String {
    if path == CONTENTS {
        return String::new();
    }
    let path = path.strip_suffix(".md").unwrap_or(path);
    match path.strip_prefix("docs/") {
        Some(page) => page.to_owned(),
        None if path.starts_with("config/") => path.to_owned(),
        None => format!("project/{path}"),
    }
}

/// The address of what is served at `place`.
pub(super) fn address_of(place: &str) -> String {
    if place.is_empty() { ROOT.to_owned() } else { format!("{ROOT}/{place}") }
}

/// What a link of the file `from` that says `to` leads to, as a path in the repository.
pub(super) fn resolve(from: &str, to: &str) -> String {
    let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in to.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_relative_to_their_file() {
        assert_eq!(resolve("docs/guide-tls.md", "../config/mailwright.toml"), "config/mailwright.toml");
        assert_eq!(resolve("docs/decisions/0001-x.md", "../reliability.md"), "docs/reliability.md");
        assert_eq!(resolve("README.md", "docs/decisions"), "docs/decisions");
        assert_eq!(resolve("docs/README.md", "decisions/"), "docs/decisions");
    }

    #[test]
    fn files_have_places() {
        for (path, address) in [
            ("docs/README.md", "/docs"),
            ("docs/guide-tls.md", "/docs/guide-tls"),
            ("docs/decisions/0001-x.md", "/docs/decisions/0001-x"),
            ("docs/pictures/life.svg", "/docs/pictures/life.svg"),
            ("README.md", "/docs/project/README"),
            ("LICENSE-MIT", "/docs/project/LICENSE-MIT"),
            ("config/mailwright.toml", "/docs/config/mailwright.toml"),
        ] {
            assert_eq!(address_of(&place_of(path)), address);
        }
    }
}
