//! The documentation that a server serves: nothing in it leads nowhere, it loads nothing from elsewhere, and what its guides
//! tell to type works.

mod guides;
mod site;

use std::collections::BTreeMap;
use std::path::Path;

use mailwright_tests::browser;
use mailwright_tests::error::Result;
use mailwright_tests::needs::{Need, skip_without};
use mailwright_tests::server::Dev;
use mailwright_tests::swaks;
use site::{Page, markdown_files, repository};

#[test]
fn every_link_and_anchor_leads_somewhere() -> Result<()> {
    let dev = Dev::start()?;
    let pages = site::crawl(dev.server.http)?;
    let mut dead = Vec::new();
    for (path, page) in &pages {
        for link in page.links.iter().filter(|link| link.starts_with('/') || link.starts_with('#')) {
            let (to, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if to.is_empty() { Some(page) } else { pages.get(to) };
            if !target.is_some_and(|target| target.status == 200 && target.has(anchor)) {
                dead.push(format!("{path}: {link}"));
            }
        }
        let is_missing = |source: &&String| !repository().join(source).exists();
        dead.extend(page.sources.iter().filter(is_missing).map(|source| format!("{path}: {source}")));
    }
    assert!(pages.len() > 60, "{:?}", pages.keys());
    assert_eq!(dead, Vec::<String>::new());
    Ok(())
}

#[test]
fn every_page_is_in_the_list_of_all_pages() -> Result<()> {
    let dev = Dev::start()?;
    let start = Page::get(dev.server.http, "/docs")?;
    for file in markdown_files(&repository().join("docs"))? {
        let name = file.strip_prefix(repository().join("docs")).unwrap_or(&file).with_extension("");
        let name = name.to_string_lossy();
        let path = if name == "README" { "/docs".to_owned() } else { format!("/docs/{name}") };
        assert_eq!(Page::get(dev.server.http, &path)?.status, 200, "{path}");
        assert!(path == "/docs" || start.links.contains(&path), "{path} is not in docs/README.md");
    }
    Ok(())
}

#[test]
fn pages_load_nothing_from_elsewhere_and_nothing_inline() -> Result<()> {
    let dev = Dev::start()?;
    for (path, page) in site::crawl(dev.server.http)? {
        let policy = page.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'"), "{path}: {policy}");
        assert_eq!(page.header("x-content-type-options"), "nosniff", "{path}");
        if !page.is_html() {
            continue;
        }
        assert!(
            policy.contains("script-src 'self'") && policy.contains("style-src 'self'"),
            "{path}: {policy}"
        );
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert!(page.loads.iter().all(|load| load.starts_with("/docs/")), "{path}: {:?}", page.loads);
        assert!(!page.has_inline, "{path} has a style or a script of its own");
        assert_eq!(page.header("cache-control"), "no-cache", "{path}");
    }
    Ok(())
}

#[test]
fn an_address_without_a_page_leads_back() -> Result<()> {
    let dev = Dev::start()?;
    for path in ["/docs/nothing", "/docs/guide-tls.md/x", "/docs/..%2fCargo.toml", "/docs/site/nothing.js"] {
        let page = Page::get(dev.server.http, path)?;
        assert!(page.status == 404 && page.is_html(), "{path}: {}", page.status);
        assert!(page.links.contains("/docs"), "{path}");
    }
    // The API's own unknown routes stay JSON.
    assert_eq!(Page::get(dev.server.http, "/doc")?.header("content-type"), "application/json");
    Ok(())
}

#[test]
fn in_a_browser() -> Result<()> {
    if skip_without(&[Need::Chromium]) {
        return Ok(());
    }
    let dev = Dev::start()?;
    let said = browser::journey("docs", &dev.api)?;
    assert!(said["pages"].as_u64() > Some(30) && said["operations"].as_u64() > Some(150), "{said}");
    assert_eq!(said["success"], true, "{said}");
    Ok(())
}

#[test]
fn the_first_mail_takes_what_its_guide_says() -> Result<()> {
    let dev = Dev::start()?;
    let guide = guides::Guide::read("guide-first-mail.md", &dev)?;
    let said = guide.run_shell("Five minutes", &["cargo run"], &BTreeMap::new())?;
    assert!(said.contains(r#""delivered":["you@example.net"]"#), "{said}");
    assert!(said.contains("Subject: The first mail") && said.contains("DKIM-Signature:"), "{said}");
    assert!(said.contains(r#""permanent_bounces":["bounce@example.net"]"#), "{said}");
    assert!(said.contains("E_RECIPIENT_SUPPRESSED") && said.contains(r#""reason":"hard_bounce""#), "{said}");
    Ok(())
}

#[test]
fn the_first_mail_goes_by_the_clients_of_its_guide() -> Result<()> {
    if skip_without(&[Need::Python, Need::JavaScript]) {
        return Ok(());
    }
    let dev = Dev::start()?;
    let guide = guides::Guide::read("guide-first-mail.md", &dev)?;
    guide.run_python("By SMTP", &BTreeMap::new())?;
    let said = guide.run_python("With the Python SDK", &BTreeMap::new())?;
    assert!(said.contains("you@example.net"), "{said}");
    let said = guide.run_javascript("With the JavaScript SDK", &BTreeMap::new())?;
    assert!(said.contains("delivered: [ 'you@example.net' ]"), "{said}");
    assert_eq!(subjects(&dev)?, BTreeMap::from([("By SDK".into(), 2), ("By SMTP".into(), 1)]));
    Ok(())
}

#[test]
fn the_first_mail_goes_by_swaks() -> Result<()> {
    if skip_without(&[Need::Swaks]) {
        return Ok(());
    }
    let dev = Dev::start()?;
    let guide = guides::Guide::read("guide-first-mail.md", &dev)?;
    let perl = swaks::libraries()?.to_string_lossy().into_owned();
    guide.run_shell("By SMTP", &[], &BTreeMap::from([("PERL5LIB".to_owned(), perl)]))?;
    dev.mailbox.wait_for("you@example.net")?;
    assert_eq!(subjects(&dev)?, BTreeMap::from([("By swaks".into(), 1)]));
    Ok(())
}

/// How often each subject came.
fn subjects(dev: &Dev) -> Result<BTreeMap<String, usize>> {
    let mut subjects = BTreeMap::new();
    for mail in dev.mailbox.list()? {
        *subjects.entry(subject(&mail.path)).or_default() += 1;
    }
    Ok(subjects)
}

fn subject(mail: &Path) -> String {
    let text = std::fs::read_to_string(mail).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("Subject: "));
    line.unwrap_or_default().trim().to_owned()
}

#[test]
fn clients_of_the_service_move_here_as_their_guide_says() -> Result<()> {
    if skip_without(&[Need::Python, Need::JavaScript]) {
        return Ok(());
    }
    let (old, new) = (Dev::start()?, Dev::start()?);
    let complained = r#"{"email": "gone@example.net", "note": "long ago"}"#;
    old.api.post(&old.api.sending_path("suppressions"), complained, &[])?.result();
    let guide = guides::Guide::read("migrate-from-the-service.md", &new)?;
    let mut variables = guides::variables(&new, "");
    variables.extend(guides::variables(&old, "OLD_"));
    for (heading, wanted) in [
        ("1. Send", r#""delivered":["you@example.net"]"#),
        ("2. Sending domains and DNS", "v=DKIM1"),
        ("4. Routing rules and destination addresses", "old@example.com"),
    ] {
        let said = guide.run_shell(heading, &["export BASE"], &variables)?;
        assert!(said.contains(wanted), "{heading}: {said}");
    }
    let said = guide.run_python("1. Send", &variables)?;
    assert!(said.contains("you@example.net"), "{said}");
    let said = guide.run_javascript("1. Send", &variables)?;
    assert!(said.contains(r#""delivered":["you@example.net"]"#), "{said}");
    guide.run_python("3. Suppressions", &variables)?;
    let moved = new.api.request("GET", &new.api.sending_path("suppressions"), "", &[])?.result();
    assert_eq!(
        (&moved[0]["email"], &moved[0]["note"]),
        (&"gone@example.net".into(), &"moved: manual".into())
    );
    Ok(())
}
