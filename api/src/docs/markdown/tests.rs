use super::*;

fn rendered(text: &str) -> Rendered {
    let page = Source { path: "docs/guide-x.md".into(), content: text.as_bytes().to_vec().into() };
    let served = ["docs/guide-x.md", "docs/guide-y.md", "docs/pictures/life.svg", "config/a.toml"];
    render(&page, &served.map(str::to_owned).into())
}

#[test]
fn links_lead_to_where_things_are_served() {
    for (link, html) in [
        ("guide-y.md#how", "<a href=\"/docs/guide-y#how\">x</a>"),
        ("../config/a.toml", "<a href=\"/docs/config/a.toml\">x</a>"),
        ("#here", "<a href=\"#here\">x</a>"),
        ("https://example.com/a.md", "<a href=\"https://example.com/a.md\">x</a>"),
        ("decisions", "<a href=\"/docs#decisions\">x</a>"),
        (
            "../engine/src/lib.rs",
            "<span class=\"in-source\" data-source=\"engine/src/lib.rs\" title=\"In the source: engine/src/lib.rs\">x</span>",
        ),
    ] {
        assert_eq!(rendered(&format!("[x]({link})")).html, format!("<p>{html}</p>\n"));
    }
    let picture = rendered("![A life](pictures/life.svg)").html;
    assert_eq!(picture, "<p><img src=\"/docs/pictures/life.svg\" alt=\"A life\" /></p>\n");
}

#[test]
fn headings_have_names_and_their_words_can_be_found() {
    let page = rendered("# A `b`\n\nFirst\nwords.\n\n## Of [c](#x)\n\n| d | e |\n|---|---|\n| f | g |\n");
    let headings: Vec<_> =
        page.headings.iter().map(|one| (one.level, one.id.as_str(), one.text.as_str())).collect();
    assert_eq!(headings, [(1, "a-b", "A b"), (2, "of-c", "Of c")]);
    let words: Vec<_> = page.sections.iter().map(|one| one.words.trim()).collect();
    assert_eq!(words, ["A b First words.", "Of c d e  f g"]);
    assert!(
        page.html.contains("<h2 id=\"of-c\">Of <a href=\"#x\">c</a><a class=\"anchor\" href=\"#of-c\""),
        "{}",
        page.html
    );
}

#[test]
fn nothing_is_styled_inline_and_an_empty_head_is_left_out() {
    let page = rendered("# T\n\n| a | b |\n|---|---:|\n| 1 | 2 |\n\n| | |\n|---|---|\n| 3 | 4 |\n");
    assert!(!page.html.contains("style="), "{}", page.html);
    assert!(page.html.contains("<th scope=\"col\" class=\"right\">b</th>"), "{}", page.html);
    assert!(
        page.html.contains("<table><tbody><tr>\n<td>3</td>")
            || page.html.contains("<table><tbody><tr><td>3</td>"),
        "{}",
        page.html
    );
}

#[test]
fn code_is_text() {
    let page = rendered("```sh\necho '<b>' \"$HOME\"\n```\n");
    assert_eq!(
        page.html,
        "<pre tabindex=\"0\"><code class=\"language-sh\">echo '&lt;b&gt;' \"$HOME\"\n</code></pre>\n"
    );
}
