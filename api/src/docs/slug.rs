//! Names of headings, as the places that show Markdown make them: a link works there and here.

use std::collections::HashMap;

/// Gives the headings of one page their names.
#[derive(Default)]
pub(super) struct Slugs(HashMap<String, u32>);

impl Slugs {
    /// The name of the next heading. One that was there before gets a number.
    pub(super) fn name(&mut self, heading: &str) -> String {
        let slug: String = heading.trim().chars().filter_map(letter).flat_map(char::to_lowercase).collect();
        let count = self.0.entry(slug.clone()).or_default();
        *count += 1;
        if *count == 1 { slug } else { format!("{slug}-{}", *count - 1) }
    }
}

fn letter(letter: char) -> Option<char> {
    match letter {
        ' ' => Some('-'),
        '-' | '_' => Some(letter),
        other => other.is_alphanumeric().then_some(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_are_named_as_elsewhere() {
        let mut slugs = Slugs::default();
        assert_eq!(slugs.name("Submission: ports 587 & 465"), "submission-ports-587--465");
        assert_eq!(slugs.name("`send_at`, later"), "send_at-later");
        assert_eq!(slugs.name("Results"), "results");
        assert_eq!(slugs.name("Results"), "results-1");
    }
}
