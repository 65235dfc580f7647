//! Changes of a header.

use crate::message::{fields, split_header};

/// Longest line of a field, in octets without its line end (RFC 5322 section 2.1.1).
const MAX_LINE: usize = 998;

/// A change of the header that a filter wants. Names and values are such that nothing breaks out of its field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderEdit {
    place: Place,
    name: String,
    /// As it stands after the colon, folded with CRLF; empty to remove the field.
    value: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Below the last field.
    Bottom,
    /// Above the field of this number, from 0.
    Above(usize),
    /// In place of the field of this name with this number, from 1.
    Of(usize),
}

impl HeaderEdit {
    /// A new field at the bottom; `None` if the name is none.
    pub fn add(name: &str, value: &str) -> Option<Self> {
        Self::new(Place::Bottom, name, value)
    }

    /// A new field above the one with this number, from 0.
    pub(super) fn insert(index: u32, name: &str, value: &str) -> Option<Self> {
        Self::new(Place::Above(usize::try_from(index).ok()?), name, value)
    }

    /// Another value for a field, found by its number among those of its name, from 1; an empty value removes it.
    pub(super) fn change(index: u32, name: &str, value: &str) -> Option<Self> {
        let index = usize::try_from(index.max(1)).ok()?;
        let edit = Self::new(Place::Of(index), name, value)?;
        Some(if value.is_empty() { Self { value: String::new(), ..edit } } else { edit })
    }

    fn new(place: Place, name: &str, value: &str) -> Option<Self> {
        let is_name = !name.is_empty() && name.bytes().all(|octet| octet.is_ascii_graphic() && octet != b':');
        (is_name && name.len() <= MAX_LINE / 2).then(|| Self {
            place,
            name: name.to_owned(),
            value: folded(name, value),
        })
    }

    /// The name of the field.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How much it adds, in octets.
    pub(super) fn len(&self) -> usize {
        self.name.len() + self.value.len() + 3
    }

    fn raw(&self) -> Vec<u8> {
        format!("{}:{}\r\n", self.name, self.value).into_bytes()
    }
}

/// A value with CRLF and white space between its lines, no line too long, and no control characters.
fn folded(name: &str, value: &str) -> String {
    let mut folded = String::new();
    let mut room = MAX_LINE - name.len() - 1;
    for (number, line) in value.split('\n').enumerate() {
        let line: String = line.chars().filter(|c| *c == '\t' || !c.is_control()).collect();
        if line.trim().is_empty() && number > 0 {
            // A line of white space alone ends the header for some programs.
            continue;
        }
        if number > 0 {
            folded.push_str("\r\n");
            room = MAX_LINE;
        }
        let lead = if line.starts_with([' ', '\t']) { "" } else { " " };
        folded.push_str(lead);
        folded.push_str(line.get(..line.floor_char_boundary(room - lead.len())).unwrap_or_default());
    }
    folded
}

/// The message with these changes, one after the other. Every other octet stays as it is. Expects CRLF line ends.
pub fn apply(message: &[u8], edits: &[HeaderEdit]) -> Vec<u8> {
    let (header, _) = split_header(message);
    let mut kept: Vec<(Vec<u8>, Vec<u8>)> =
        fields(header).map(|field| (field.name().to_vec(), field.raw().to_vec())).collect();
    // A message cut off within its header lacks even the line end.
    if let Some((_, raw)) = kept.last_mut().filter(|(_, raw)| !raw.ends_with(b"\r\n")) {
        raw.extend_from_slice(b"\r\n");
    }
    edits.iter().for_each(|edit| apply_one(edit, &mut kept));
    let mut changed = Vec::with_capacity(message.len() + 1_024);
    kept.iter().for_each(|(_, raw)| changed.extend_from_slice(raw));
    changed.extend_from_slice(message.get(header.len()..).unwrap_or_default());
    changed
}

fn apply_one(edit: &HeaderEdit, fields: &mut Vec<(Vec<u8>, Vec<u8>)>) {
    let HeaderEdit { place, name, value } = edit;
    let new = (name.clone().into_bytes(), edit.raw());
    match *place {
        Place::Bottom => fields.push(new),
        Place::Above(at) => fields.insert(at.min(fields.len()), new),
        Place::Of(number) => {
            let is_named = |(other, _): &(Vec<u8>, _)| other.eq_ignore_ascii_case(name.as_bytes());
            let mut found = fields.iter().enumerate().filter(|(_, field)| is_named(field)).map(|(at, _)| at);
            match (found.nth(number - 1), value.is_empty()) {
                (Some(at), true) => drop(fields.remove(at)),
                (Some(at), false) => {
                    if let Some(field) = fields.get_mut(at) {
                        *field = new;
                    }
                }
                (None, true) => {}
                (None, false) => fields.push(new),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MESSAGE: &str = "A: 1\r\nB: 2\r\n 3\r\na: 4\r\n\r\nbody\r\n";

    fn applied(edits: &[Option<HeaderEdit>]) -> String {
        let edits: Vec<_> = edits.iter().cloned().map(Option::unwrap).collect();
        String::from_utf8(apply(MESSAGE.as_bytes(), &edits)).unwrap()
    }

    #[test]
    fn fields_are_added_changed_and_removed_where_the_filter_says() {
        let cases = [
            (HeaderEdit::add("X", "1"), "A: 1\r\nB: 2\r\n 3\r\na: 4\r\nX: 1\r\n"),
            (HeaderEdit::insert(0, "X", " 1"), "X: 1\r\nA: 1\r\nB: 2\r\n 3\r\na: 4\r\n"),
            (HeaderEdit::insert(1, "X", "1\n2"), "A: 1\r\nX: 1\r\n 2\r\nB: 2\r\n 3\r\na: 4\r\n"),
            (HeaderEdit::insert(9, "X", "1"), "A: 1\r\nB: 2\r\n 3\r\na: 4\r\nX: 1\r\n"),
            (HeaderEdit::change(2, "A", "5"), "A: 1\r\nB: 2\r\n 3\r\nA: 5\r\n"),
            (HeaderEdit::change(1, "b", ""), "A: 1\r\na: 4\r\n"),
            (HeaderEdit::change(3, "A", "5"), "A: 1\r\nB: 2\r\n 3\r\na: 4\r\nA: 5\r\n"),
            (HeaderEdit::change(3, "A", ""), "A: 1\r\nB: 2\r\n 3\r\na: 4\r\n"),
        ];
        for (edit, header) in cases {
            assert_eq!(applied(&[edit]), format!("{header}\r\nbody\r\n"));
        }
        let both = applied(&[HeaderEdit::change(1, "A", ""), HeaderEdit::change(1, "A", "x")]);
        assert_eq!(both, "B: 2\r\n 3\r\nA: x\r\n\r\nbody\r\n");
    }

    #[test]
    fn a_message_without_a_body_keeps_its_header_whole() {
        let edit = HeaderEdit::add("X", "1").unwrap();
        assert_eq!(apply(b"A: 1", std::slice::from_ref(&edit)), b"A: 1\r\nX: 1\r\n");
        assert_eq!(apply(b"\r\nbody", &[edit]), b"X: 1\r\n\r\nbody");
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for name in ["", "a b", "a:", "a\r\nb", "é"] {
            assert_eq!(HeaderEdit::add(name, "v"), None, "{name:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_breaks_out_of_its_field(value in "[a:\r\n \t\0é]{0,80}", index in 0_u32..5) {
            for edit in [HeaderEdit::add("X", &value), HeaderEdit::insert(index, "X", &value)] {
                let changed = apply(MESSAGE.as_bytes(), &[edit.unwrap()]);
                let (header, body) = split_header(&changed);
                prop_assert_eq!(body, b"body\r\n");
                prop_assert_eq!(fields(header).count(), 4);
                prop_assert_eq!(fields(header).filter(|field| field.is("X")).count(), 1);
            }
        }
    }
}
