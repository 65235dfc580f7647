//! Sections of limits.

use super::{entry::Entry, value};
use crate::shaping::{
    error::Problems,
    keys,
    layer::{Layer, key_names},
};

/// Reads the limits and the notes of a section, and gives back the entries that are neither.
pub(super) fn read<'t, 'i>(
    entries: Vec<Entry<'t, 'i>>,
    problems: &mut Problems<'_>,
) -> (Layer, Vec<Entry<'t, 'i>>) {
    let mut layer = Layer::default();
    let mut rest = Vec::new();
    let initial = entries.iter().find(|entry| entry.name == "initial_connections").cloned();
    for entry in entries {
        match entry.name {
            "timeouts" => read_timeouts(&entry, &mut layer, problems),
            "notes" => read_notes(&entry, &mut layer, problems),
            name => match keys::find(name) {
                Some(key) => read_key(key, &entry, &mut layer, problems),
                None => rest.push(entry),
            },
        }
    }
    if let Some(initial) = initial {
        check_connections(&initial, &layer, problems);
    }
    (layer, rest)
}

/// Notes each entry as unknown; `also` names what else the section may hold.
pub(super) fn refuse(entries: &[Entry<'_, '_>], also: &[&str], problems: &mut Problems<'_>) {
    for entry in entries {
        let mut known: Vec<&str> = key_names().filter(|name| !name.contains('.')).collect();
        known.extend(["timeouts", "notes"].iter().chain(also));
        let known = known.join(", ");
        entry.refuse(problems, format!("there is no such key here; those there are: {known}"));
    }
}

fn read_key(key: &'static keys::Key, entry: &Entry<'_, '_>, layer: &mut Layer, problems: &mut Problems<'_>) {
    entry.read(problems, |value| layer.set(key, |limits| (key.read)(limits, value)));
}

/// Refuses more connections to begin with than there may be, where the section sets both.
fn check_connections(initial: &Entry<'_, '_>, layer: &Layer, problems: &mut Problems<'_>) {
    let values = layer.values();
    let both = layer.sets("connections") && layer.sets("initial_connections");
    if both && values.initial_connections > values.connections {
        let most = values.connections;
        initial
            .refuse(problems, format!("this is more than connections, {most}: lower it or raise the other"));
    }
}

fn read_timeouts(timeouts: &Entry<'_, '_>, layer: &mut Layer, problems: &mut Problems<'_>) {
    for entry in timeouts.table(problems) {
        match keys::find(&format!("timeouts.{}", entry.name)) {
            Some(key) => read_key(key, &entry, layer, problems),
            None => {
                let known = key_names().filter_map(|name| name.strip_prefix("timeouts."));
                let known = known.collect::<Vec<_>>().join(", ");
                entry.refuse(problems, format!("there is no such time-out; those there are: {known}"));
            }
        }
    }
}

fn read_notes(notes: &Entry<'_, '_>, layer: &mut Layer, problems: &mut Problems<'_>) {
    for entry in notes.table(problems) {
        if entry.name != "timeouts" && keys::find(entry.name).is_none() {
            entry.refuse(problems, "a note is on a limit, and there is no limit of this name");
        } else if let Some(note) = entry.read(problems, value::text) {
            layer.add_note(entry.name, note);
        }
    }
}
