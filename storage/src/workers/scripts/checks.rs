//! What can be a version.

use super::{NewVersion, ScriptError};
use mailwright_engine::worker::{Binding, BindingKind, Module, ModuleKind};
use std::collections::HashSet;

/// Most Workers of an account.
pub const MAX_SCRIPTS: usize = 500;
/// Most modules of a version.
pub const MAX_MODULES: usize = 1_000;
/// Most octets of a version's modules.
pub const MAX_OCTETS: usize = 64 << 20;
/// Most bindings of a version.
pub const MAX_BINDINGS: usize = 128;
/// Most octets of a variable or secret.
pub const MAX_VARIABLE: usize = 5 << 10;
/// Most octets of all bindings: they stay in memory.
const MAX_BINDINGS_OCTETS: usize = 1 << 20;
/// Most octets of a name.
const MAX_NAME: usize = 512;
/// Most octets of what else is said of a version.
const MAX_EXTRA: usize = 64 << 10;

/// Whether a version can be made of this; its modules are looked at by [`modules`].
pub(super) fn version(new: &NewVersion) -> Result<(), ScriptError> {
    bindings(&new.bindings)?;
    let annotations: usize = new.annotations.iter().map(|(name, text)| name.len() + text.len()).sum();
    let words = new.compatibility_flags.iter().chain(&new.handlers).map(String::len).sum::<usize>();
    let said = new.extra.to_string().len() + annotations + words + new.compatibility_date.len();
    if said > MAX_EXTRA {
        return refuse(format!("what is said of the version has {said} octets, of at most {MAX_EXTRA}"));
    }
    Ok(())
}

/// Whether these can be the modules of a version.
pub(super) fn modules(main: &str, modules: &[Module]) -> Result<(), ScriptError> {
    if modules.len() > MAX_MODULES {
        return refuse(format!("the Worker has {} modules, of at most {MAX_MODULES}", modules.len()));
    }
    let octets: usize = modules.iter().map(|module| module.content.len()).sum();
    if octets > MAX_OCTETS {
        return refuse(format!("the modules have {octets} octets, of at most {MAX_OCTETS}"));
    }
    let mut names = HashSet::new();
    for module in modules {
        named("module", &module.name)?;
        if !names.insert(&module.name) {
            return refuse(format!("there are two modules of the name {:?}", module.name));
        }
    }
    let is_main = |module: &&Module| module.name == main;
    match modules.iter().find(is_main).map(|module| module.kind) {
        Some(ModuleKind::EsModule | ModuleKind::CommonJs) => Ok(()),
        Some(_) => refuse(format!("the main module {main:?} is not JavaScript")),
        None => refuse(format!("there is no module of the name {main:?}, which is to be the main one")),
    }
}

/// Whether these can be the bindings of a version.
pub(super) fn bindings(bindings: &[Binding]) -> Result<(), ScriptError> {
    if bindings.len() > MAX_BINDINGS {
        return refuse(format!("the Worker has {} bindings, of at most {MAX_BINDINGS}", bindings.len()));
    }
    let (mut names, mut all) = (HashSet::new(), 0);
    for Binding { name, kind } in bindings {
        named("binding", name)?;
        if !names.insert(name) {
            return refuse(format!("there are two bindings of the name {name:?}"));
        }
        all += octets(name, kind)?;
    }
    if all > MAX_BINDINGS_OCTETS {
        return refuse(format!("the bindings have {all} octets, of at most {MAX_BINDINGS_OCTETS}"));
    }
    Ok(())
}

/// Octets of a binding, roughly.
fn octets(name: &str, kind: &BindingKind) -> Result<usize, ScriptError> {
    let octets = match kind {
        BindingKind::PlainText(text) | BindingKind::SecretText(text) | BindingKind::Json(text) => {
            if text.len() > MAX_VARIABLE {
                let octets = text.len();
                return refuse(format!(
                    "the variable {name:?} has {octets} octets, of at most {MAX_VARIABLE}"
                ));
            }
            text.len()
        }
        BindingKind::Data(data) => data.len(),
        BindingKind::SendEmail(rules) => {
            let lists = rules.allowed_senders.iter().chain(&rules.allowed_destinations);
            lists.chain(&rules.destination).map(|address| address.len() + 32).sum()
        }
        BindingKind::Kv(name) | BindingKind::Analytics(name) | BindingKind::Queue { name, .. } => name.len(),
        BindingKind::VersionMetadata => 0,
    };
    Ok(name.len() + octets)
}

fn named(what: &str, name: &str) -> Result<(), ScriptError> {
    if name.is_empty() || name.len() > MAX_NAME || name.chars().any(char::is_control) {
        return refuse(format!(
            "a {what} has a name of 1 to {MAX_NAME} printable octets, not {:?}",
            name.chars().take(80).collect::<String>()
        ));
    }
    Ok(())
}

fn refuse<T>(why: String) -> Result<T, ScriptError> {
    Err(ScriptError::Invalid(why))
}

/// Whether this is not too much to be kept of a Worker.
pub(super) fn settings(settings: &str) -> Result<(), ScriptError> {
    let octets = settings.len();
    if octets > MAX_EXTRA {
        return refuse(format!("the settings have {octets} octets, of at most {MAX_EXTRA}"));
    }
    Ok(())
}
