//! Holds `docs/postmaster.md` against the source: every code with which a client of the MX can be refused is explained
//! there, at an anchor of its own.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The files that refuse clients of the MX.
fn sources() -> Vec<PathBuf> {
    let root = Path::new(ROOT);
    let mut sources = vec![root.join("engine/src/smtp/server/replies.rs")];
    for file in ["mod", "guard", "handover", "listener", "session"] {
        sources.push(root.join(format!("actors/src/smtp/{file}.rs")));
    }
    let mut folders = vec![root.join("routing/src"), root.join("engine/src/authentication")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") && !path.ends_with("tests.rs") {
                sources.push(path);
            }
        }
    }
    sources
}

/// The codes of class 4 and 5 in a source, up to its tests: `EnhancedCode::new(5, 7, 1)`, or in a reply `550 5.7.1`.
fn codes(source: &str) -> Vec<String> {
    let source = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let made = source.split("EnhancedCode::new(").skip(1);
    let made = made.filter_map(|rest| rest.split_once(')')).map(|(numbers, _)| numbers.replace(", ", "."));
    let written = source.split('"').filter(|text| text.as_bytes().get(3) == Some(&b' '));
    let written = written.filter_map(|text| text.split(' ').nth(1)).map(str::to_owned);
    let is_refusal = |code: &String| {
        let mut parts = code.split('.').map(str::parse::<u16>);
        let class = parts.next();
        matches!(class, Some(Ok(4 | 5))) && parts.by_ref().take(2).filter(Result::is_ok).count() == 2
    };
    made.chain(written).filter(is_refusal).collect()
}

#[test]
fn every_refusal_is_explained_to_postmasters() {
    let page = fs::read_to_string(Path::new(ROOT).join("docs/postmaster.md")).unwrap();
    let mut all = BTreeSet::new();
    for path in sources() {
        for code in codes(&fs::read_to_string(&path).unwrap()) {
            let anchor = format!("<a id=\"{code}\"></a>{code} ");
            assert!(
                page.contains(&anchor),
                "docs/postmaster.md does not explain {code} of {}",
                path.display()
            );
            all.insert(code);
        }
    }
    assert!(all.len() > 20 && all.contains("5.6.0") && all.contains("5.7.25"), "{all:?}");
    let explained: BTreeSet<_> =
        page.split("<a id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let idle: Vec<_> = explained.into_iter().filter(|code| !all.contains(*code)).collect();
    assert!(idle.is_empty(), "docs/postmaster.md explains what nobody says: {idle:?}");
}
