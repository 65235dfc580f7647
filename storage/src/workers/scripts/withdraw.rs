//! Taking back what turned out to be of no use.

use super::{ScriptError, ScriptStore, VersionId, write::unused};
use crate::{control::ObjectId, workers::commits::lock};
use mailwright_engine::worker::ScriptName;
use rusqlite::{OptionalExtension, params};

impl ScriptStore {
    /// Takes back a version that never ran, and with it the Worker if it has no other. What runs, has run or is gone stays
    /// as it is. Blocks for a sync.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub fn withdraw(
        &self,
        account: &ObjectId,
        name: &ScriptName,
        version: &VersionId,
    ) -> Result<(), ScriptError> {
        let _changing = lock(&self.0.changes);
        let (of, called, id) = (account.clone(), name.clone(), version.clone());
        let forgotten = self.0.db.change(move |db| {
            let n = "SELECT n FROM scripts WHERE account = ? AND name = ?";
            let n: Option<i64> =
                db.query_row(n, params![of.as_str(), called.as_str()], |row| row.get(0)).optional()?;
            let Some(n) = n else { return Ok(Vec::new()) };
            let gone = "DELETE FROM versions WHERE script = ?1 AND id = ?2
                        AND id NOT IN (SELECT version FROM deployments WHERE script = ?1) RETURNING code";
            let mut gone = db.prepare_cached(gone)?;
            let codes = gone.query_map(params![n, id.as_str()], |row| row.get(0))?;
            let codes = unused(db, n, codes.collect::<rusqlite::Result<Vec<String>>>()?)?;
            let empty =
                "DELETE FROM scripts WHERE n = ?1 AND NOT EXISTS (SELECT 1 FROM versions WHERE script = ?1)";
            db.execute(empty, [n])?;
            Ok::<_, ScriptError>(codes)
        })?;
        self.forget(account, name, forgotten);
        self.look_again(account, name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workers::{Code, NewDeployment, NewVersion, Origin};
    use mailwright_engine::{
        time::UnixMillis,
        worker::{Limits, Module, ModuleKind},
    };

    fn upload(store: &ScriptStore, account: &ObjectId, name: &ScriptName) -> VersionId {
        let content = b"export default {}".to_vec();
        let new = NewVersion {
            main_module: "a.js".into(),
            code: Code::New(vec![Module { name: "a.js".into(), kind: ModuleKind::EsModule, content }]),
            compatibility_date: "2026-04-26".into(),
            compatibility_flags: Vec::new(),
            bindings: Vec::new(),
            limits: Limits::default(),
            handlers: Vec::new(),
            annotations: Default::default(),
            extra: serde_json::Value::Null,
        };
        store.upload(account, name, new, origin()).unwrap().id.clone()
    }

    fn origin() -> Origin {
        Origin { at: UnixMillis::new(1), author: "a".into(), source: "api".into() }
    }

    #[test]
    fn what_never_ran_can_be_taken_back_and_what_runs_stays() {
        let folder = tempfile::tempdir().unwrap();
        let store = ScriptStore::open(folder.path()).unwrap();
        let (account, name) = ("0".repeat(32).parse().unwrap(), "w".parse().unwrap());
        let first = upload(&store, &account, &name);
        store.withdraw(&account, &name, &first).unwrap();
        assert!(store.script(&account, &name).is_none());
        let runs = upload(&store, &account, &name);
        store.deploy(&account, &name, &runs, NewDeployment::default(), origin()).unwrap();
        let second = upload(&store, &account, &name);
        for version in [&second, &runs, &first] {
            store.withdraw(&account, &name, version).unwrap();
        }
        let left = store.versions(&account, &name).unwrap();
        assert_eq!(left.iter().map(|version| &version.id).collect::<Vec<_>>(), [&runs]);
        assert_eq!(store.modules(&account, &name, &left[0]).unwrap().len(), 1);
        let missing = "missing".parse().unwrap();
        store.withdraw(&account, &missing, &runs).unwrap();
        drop(store);
        let again = ScriptStore::open(folder.path()).unwrap();
        assert_eq!(
            again.script(&account, &name).unwrap().deployed.as_ref().map(|version| &version.id),
            Some(&runs)
        );
    }
}
