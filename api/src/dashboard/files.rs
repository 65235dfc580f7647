//! The files that `dashboard/` is built into, as they are in the binary.

use crate::embedded::EmbeddedFile;
use rust_embed::RustEmbed;
use std::{borrow::Cow, collections::HashMap, sync::LazyLock};

#[derive(RustEmbed)]
#[folder = "../dashboard/dist"]
struct Built;

/// All of them by their paths.
static FILES: LazyLock<HashMap<Cow<'static, str>, EmbeddedFile>> = LazyLock::new(|| {
    let file = |path: &str| Built::get(path).map(|built| EmbeddedFile::new(path, built.data));
    Built::iter().filter_map(|path| file(&path).map(|file| (path, file))).collect()
});

/// The file at `path`, if there is one.
pub(super) fn find(path: &str) -> Option<&'static EmbeddedFile> {
    FILES.get(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_and_all_that_it_names_are_there() {
        let page = Built::get("index.html").unwrap();
        let page = std::str::from_utf8(&page.data).unwrap();
        let named: Vec<_> = page.split('"').filter_map(|part| part.strip_prefix("/assets/")).collect();
        assert!(!named.is_empty(), "{page}");
        for name in named {
            assert!(find(&format!("assets/{name}")).is_some(), "{name}");
        }
    }
}
