//! Secrets: bindings that are set one by one. Each change is a version of its own that runs at once.

use super::{Code, NewDeployment, NewVersion, Origin, ScriptError, ScriptStore, Version};
use crate::{control::ObjectId, workers::commits::lock};
use mailwright_engine::worker::{Binding, BindingKind, ScriptName};
use std::{collections::BTreeMap, sync::Arc};

impl ScriptStore {
    /// Sets secrets of a Worker, given with their names, in place of what had these names: a new version, which runs at
    /// once. Blocks for syncs.
    ///
    /// # Errors
    /// [`ScriptError::NoScript`], [`ScriptError::Invalid`] for secrets that are too long or too many; when it cannot be
    /// stored.
    pub fn set_secrets(
        &self,
        account: &ObjectId,
        name: &ScriptName,
        secrets: BTreeMap<String, String>,
        origin: Origin,
    ) -> Result<Arc<Version>, ScriptError> {
        self.amend(account, name, origin, |bindings| {
            bindings.retain(|binding| !secrets.contains_key(&binding.name));
            let kind = BindingKind::SecretText;
            bindings.extend(secrets.into_iter().map(|(name, text)| Binding { name, kind: kind(text) }));
            Ok(())
        })
    }

    /// Takes a secret away: a new version, which runs at once. Blocks for syncs.
    ///
    /// # Errors
    /// [`ScriptError::NoScript`], [`ScriptError::NoSecret`]; when it cannot be stored.
    pub fn remove_secret(
        &self,
        account: &ObjectId,
        name: &ScriptName,
        secret: &str,
        origin: Origin,
    ) -> Result<Arc<Version>, ScriptError> {
        self.amend(account, name, origin, |bindings| {
            let is_it = |binding: &Binding| {
                binding.name == secret && matches!(binding.kind, BindingKind::SecretText(_))
            };
            let place = bindings.iter().position(is_it);
            let place = place
                .ok_or_else(|| ScriptError::NoSecret { script: name.clone(), secret: secret.to_owned() })?;
            bindings.remove(place);
            Ok(())
        })
    }

    /// Makes a version with other bindings out of that which runs (or the newest, if none does), and lets it run.
    fn amend(
        &self,
        account: &ObjectId,
        name: &ScriptName,
        origin: Origin,
        change: impl FnOnce(&mut Vec<Binding>) -> Result<(), ScriptError>,
    ) -> Result<Arc<Version>, ScriptError> {
        let _changing = lock(&self.0.changes);
        let script = self.require(account, name)?;
        let base = match &script.deployed {
            Some(deployed) => Arc::clone(deployed),
            None => self.latest(account, name)?.ok_or_else(|| ScriptError::NoScript(name.clone()))?,
        };
        let mut new = NewVersion::like(&base);
        change(&mut new.bindings)?;
        let about = BTreeMap::from([("workers/triggered_by".to_owned(), "secret".to_owned())]);
        new.annotations.clone_from(&about);
        let version = self.add(account, name, new, origin.clone())?;
        self.put_in_force(account, name, &version.id, NewDeployment { annotations: about }, origin)?;
        Ok(version)
    }
}

impl NewVersion {
    /// A version with the same modules, bindings and settings; what it says of itself is left out.
    pub fn like(version: &Version) -> Self {
        Self {
            main_module: version.main_module.clone(),
            code: Code::Of(version.id.clone()),
            compatibility_date: version.compatibility_date.clone(),
            compatibility_flags: version.compatibility_flags.clone(),
            bindings: version.bindings.clone(),
            limits: version.limits,
            handlers: version.handlers.clone(),
            annotations: BTreeMap::new(),
            extra: version.extra.clone(),
        }
    }
}
