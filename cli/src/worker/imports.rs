//! What a JavaScript module imports, read without running it.

/// The specifiers of a module's imports, in their order: static, re-exported, `import("…")` and `require("…")` of literals.
///
/// It reads tokens, not grammar: text that only looks like an import may be named too, so who asks must bear one too many.
pub(super) fn specifiers(source: &str) -> Vec<String> {
    Scanner {
        text: source,
        at: 0,
        before: [Token::None, Token::None],
        nesting: Vec::new(),
        found: Vec::new(),
    }
    .run()
}

/// What stood before, as far as it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    None,
    /// A string or a regular expression.
    Value,
    Word(&'a str),
    Mark(char),
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    /// The last two tokens, the newest last.
    before: [Token<'a>; 2],
    /// For each template literal that is open around this place, how many braces are open inside its `${`.
    nesting: Vec<usize>,
    found: Vec<String>,
}

impl<'a> Scanner<'a> {
    fn run(mut self) -> Vec<String> {
        while let Some(c) = self.next() {
            match c {
                '/' if self.rest().starts_with('/') => self.skip_past("\n"),
                '/' if self.rest().starts_with('*') => self.skip_past("*/"),
                '/' if self.is_regex() => self.regex(),
                '\'' | '"' => self.string(c),
                '`' => self.template(),
                '}' if self.nesting.last() == Some(&0) => {
                    self.nesting.pop();
                    self.template();
                }
                c if is_word(c) => self.word(c.len_utf8()),
                c if !c.is_whitespace() => self.mark(c),
                _ => {}
            }
        }
        self.found
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest().chars().next()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn push(&mut self, token: Token<'a>) {
        self.before = [self.before[1], token];
    }

    fn skip_past(&mut self, end: &str) {
        self.at += self.rest().find(end).map_or(self.rest().len(), |found| found + end.len());
    }

    fn mark(&mut self, c: char) {
        match (c, self.nesting.last_mut()) {
            ('{', Some(braces)) => *braces += 1,
            ('}', Some(braces)) => *braces = braces.saturating_sub(1),
            _ => {}
        }
        self.push(Token::Mark(c));
    }

    fn word(&mut self, first: usize) {
        let start = self.at - first;
        self.at += self.rest().find(|c: char| !is_word(c)).unwrap_or(self.rest().len());
        let text: &'a str = self.text;
        self.push(Token::Word(text.get(start..self.at).unwrap_or_default()));
    }

    /// Reads a string to its end, or to that of the line, which ends one that is none.
    fn string(&mut self, quote: char) {
        let mut text = String::new();
        while let Some(c) = self.next() {
            match c {
                '\\' => text.extend(self.next()),
                '\n' => break,
                c if c == quote => break,
                c => text.push(c),
            }
        }
        let called = |words: &[&str]| matches!(self.before[0], Token::Word(word) if words.contains(&word));
        let is_import = match self.before[1] {
            Token::Word("from" | "import") => true,
            Token::Mark('(') => called(&["import", "require"]),
            _ => false,
        };
        if is_import {
            self.found.push(text);
        }
        self.push(Token::Value);
    }

    /// Reads a template literal to its end, or to the next `${`.
    fn template(&mut self) {
        while let Some(c) = self.next() {
            match c {
                '\\' => drop(self.next()),
                '`' => break,
                '$' if self.rest().starts_with('{') => {
                    self.next();
                    self.nesting.push(0);
                    return self.push(Token::Mark('{'));
                }
                _ => {}
            }
        }
        self.push(Token::Value);
    }

    /// Whether a slash begins a regular expression: where no value can end before it.
    fn is_regex(&self) -> bool {
        match self.before[1] {
            Token::None => true,
            Token::Value => false,
            Token::Word(word) => {
                matches!(
                    word,
                    "return" | "typeof" | "case" | "in" | "of" | "delete" | "void" | "await" | "yield"
                )
            }
            Token::Mark(c) => !matches!(c, ')' | ']' | '}'),
        }
    }

    fn regex(&mut self) {
        let mut in_class = false;
        while let Some(c) = self.next() {
            match c {
                '\\' => drop(self.next()),
                '\n' => break,
                '[' => in_class = true,
                ']' => in_class = false,
                '/' if !in_class => break,
                _ => {}
            }
        }
        self.push(Token::Value);
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$' | '#')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_import_is_found() {
        let source = r#"
            import PostalMime from "postal-mime";
            import { EmailMessage } from 'cloudflare:email';
            import "./effects.js";
            import * as all from "./all.js"
            export { x } from "./x.js"; export * from "./y.js";
            const later = await import("./later.js"), old = require('old');
        "#;
        let expected = [
            "postal-mime",
            "cloudflare:email",
            "./effects.js",
            "./all.js",
            "./x.js",
            "./y.js",
            "./later.js",
            "old",
        ];
        assert_eq!(specifiers(source), expected);
    }

    #[test]
    fn what_only_looks_like_an_import_inside_other_text_is_none() {
        let source = r#"
            // import "a";
            /* from "b" */
            const text = 'import "c"', template = `import "d" ${inner(`from "e"`, { f: "from" })} from "f"`;
            const pattern = /['"`]/g, half = size / 2; const quoted = x.replace(/from "g"/, "h");
            message.setReject("Mail from \"i\" is refused");
            import "found";
        "#;
        assert_eq!(specifiers(source), ["found"]);
    }

    #[test]
    fn what_ends_too_early_ends() {
        for source in ["import \"", "`${", "/*", "/a[", "import('x", "`${`${{", "}", "\\", "ä from \"b"] {
            let _ = specifiers(source);
        }
    }
}
