//! What holds of Workers, with every step read back from disk.

use super::*;
use mailwright_engine::{
    time::UnixMillis,
    worker::{Binding, BindingKind, Limits, ModuleKind},
};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;

struct World {
    dir: tempfile::TempDir,
    store: ScriptStore,
    account: ObjectId,
    name: ScriptName,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = ScriptStore::open(&dir.path().join("scripts")).unwrap();
        Self { dir, store, account: ObjectId::random().unwrap(), name: "mail".parse().unwrap() }
    }

    fn reopen(&mut self) {
        self.store = ScriptStore::open(&self.dir.path().join("scripts")).unwrap();
    }

    fn upload(&self, new: NewVersion) -> Result<Arc<Version>, ScriptError> {
        self.store.upload(&self.account, &self.name, new, origin(1))
    }

    fn deploy(&self, version: &Version) -> Arc<Deployment> {
        let new = NewDeployment::default();
        self.store.deploy(&self.account, &self.name, &version.id, new, origin(2)).unwrap()
    }

    fn script(&self) -> Arc<Script> {
        self.store.script(&self.account, &self.name).unwrap()
    }

    fn modules(&self, version: &Version) -> Vec<Module> {
        self.store.modules(&self.account, &self.name, version).unwrap()
    }

    fn versions(&self) -> Vec<Arc<Version>> {
        self.store.versions(&self.account, &self.name).unwrap()
    }

    /// The files with modules of the Worker.
    fn files(&self) -> Vec<PathBuf> {
        let folder = self.dir.path().join("scripts").join(self.account.as_str()).join(self.name.as_str());
        std::fs::read_dir(folder).map_or(Vec::new(), |files| files.map(|file| file.unwrap().path()).collect())
    }
}

fn origin(at: u64) -> Origin {
    Origin { at: UnixMillis::new(at), author: "ann".to_owned(), source: "wrangler".to_owned() }
}

fn module(name: &str, kind: ModuleKind, content: &[u8]) -> Module {
    Module { name: name.to_owned(), kind, content: content.to_vec() }
}

fn main_module(content: &str) -> Vec<Module> {
    vec![module("index.js", ModuleKind::EsModule, content.as_bytes())]
}

fn text(name: &str, text: &str) -> Binding {
    Binding { name: name.to_owned(), kind: BindingKind::PlainText(text.to_owned()) }
}

fn new(modules: Vec<Module>) -> NewVersion {
    NewVersion {
        main_module: "index.js".to_owned(),
        code: Code::New(modules),
        compatibility_date: "2026-04-26".to_owned(),
        compatibility_flags: vec!["nodejs_compat".to_owned()],
        bindings: vec![text("GREETING", "hello")],
        limits: Limits { cpu_ms: Some(50) },
        handlers: vec!["email".to_owned()],
        annotations: BTreeMap::from([("workers/message".to_owned(), "first".to_owned())]),
        extra: json!({ "tags": ["a"] }),
    }
}

fn secrets(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

#[test]
fn a_version_reads_back_as_it_was_uploaded() {
    let mut world = World::new();
    let modules = vec![
        module("index.js", ModuleKind::EsModule, b"export default {}"),
        module("../up.wasm", ModuleKind::Wasm, &[0, 97, 115, 109]),
        module("empty.txt", ModuleKind::Text, b""),
    ];
    let version = world.upload(new(modules.clone())).unwrap();
    world.reopen();
    let found = world.store.version(&world.account, &world.name, &version.id).unwrap().unwrap();
    assert_eq!(found, version);
    assert_eq!(world.modules(&found), modules);
    assert_eq!((found.number, found.extra.clone()), (1, json!({ "tags": ["a"] })));
    assert_eq!(found.bindings, [text("GREETING", "hello")]);
    let script = world.script();
    assert_eq!((script.deployed.as_ref(), script.created), (None, UnixMillis::new(1)));
    assert_eq!(version.id.as_str().parse::<VersionId>().unwrap(), version.id);
    assert_eq!(version.id.as_str().as_bytes()[14], b'4');
}

#[test]
fn what_is_deployed_runs_from_memory_and_after_a_restart() {
    let mut world = World::new();
    let first = world.upload(new(main_module("1"))).unwrap();
    let second = world.upload(new(main_module("2"))).unwrap();
    assert_eq!((first.number, second.number), (1, 2));
    world.deploy(&first);
    assert_eq!(world.script().deployed, Some(Arc::clone(&first)));
    world.deploy(&second);
    world.reopen();
    assert_eq!(world.script().deployed, Some(Arc::clone(&second)));
    // Back again.
    let third = world.deploy(&first);
    world.reopen();
    let script = world.script();
    assert_eq!((script.deployed.clone(), script.deployment.clone()), (Some(first), Some(third)));
    assert_eq!(script.modified, UnixMillis::new(2));
    let deployments = world.store.deployments(&world.account, &world.name).unwrap();
    assert_eq!((deployments.len(), Some(&deployments[0])), (3, script.deployment.as_ref()));
    let numbers: Vec<_> = world.versions().iter().map(|version| version.number).collect();
    assert_eq!(numbers, [2, 1]);
}

#[test]
fn only_versions_of_the_worker_itself_are_deployed() {
    let world = World::new();
    let version = world.upload(new(main_module("1"))).unwrap();
    let other: ScriptName = "other".parse().unwrap();
    let stranger = ObjectId::random().unwrap();
    let deploy = |account, name| {
        world.store.deploy(account, name, &version.id, NewDeployment::default(), origin(2)).unwrap_err()
    };
    assert!(matches!(deploy(&world.account, &other), ScriptError::NoScript(_)));
    assert!(matches!(deploy(&stranger, &world.name), ScriptError::NoScript(_)));
    world.store.upload(&world.account, &other, new(main_module("1")), origin(1)).unwrap();
    assert!(matches!(deploy(&world.account, &other), ScriptError::NoVersion { .. }));
    assert_eq!(world.store.version(&stranger, &world.name, &version.id).unwrap(), None);
    assert_eq!(world.store.versions(&stranger, &world.name).unwrap(), []);
}

#[test]
fn a_secret_makes_a_version_that_runs_at_once_with_the_same_modules() {
    let mut world = World::new();
    let version = world.upload(new(main_module("1"))).unwrap();
    world.deploy(&version);
    let set = |world: &World, pairs: &[(&str, &str)]| {
        world.store.set_secrets(&world.account, &world.name, secrets(pairs), origin(3)).unwrap()
    };
    set(&world, &[("KEY", "old"), ("OTHER", "x")]);
    let version = set(&world, &[("KEY", "new"), ("GREETING", "secret now")]);
    world.reopen();
    let deployed = world.script().deployed.clone().unwrap();
    assert_eq!((deployed.number, &deployed), (3, &version));
    assert_eq!(world.modules(&deployed), main_module("1"));
    assert_eq!(world.files().len(), 1);
    let secret = |name: &str, text: &str| Binding {
        name: name.to_owned(),
        kind: BindingKind::SecretText(text.to_owned()),
    };
    let expected = [secret("OTHER", "x"), secret("GREETING", "secret now"), secret("KEY", "new")];
    assert_eq!(deployed.bindings, expected);
    assert!(!format!("{deployed:?}").contains("secret now"));
    let remove = |name| world.store.remove_secret(&world.account, &world.name, name, origin(4));
    assert_eq!(remove("KEY").unwrap().bindings, expected[..2]);
    assert!(matches!(remove("KEY"), Err(ScriptError::NoSecret { .. })));
    let plain = world.upload(new(main_module("2"))).unwrap();
    world.deploy(&plain);
    assert!(matches!(remove("GREETING"), Err(ScriptError::NoSecret { .. })));
}

#[test]
fn old_versions_go_with_their_files_but_not_what_may_be_deployed_again() {
    let mut world = World::new();
    let first = world.upload(new(main_module("first"))).unwrap();
    world.deploy(&first);
    let second = world.upload(new(main_module("second"))).unwrap();
    // Shares the file of the second.
    let third = world.upload(NewVersion::like(&second)).unwrap();
    for _ in 0..99 {
        world.upload(NewVersion::like(&first)).unwrap();
    }
    // 102 versions: the second is one too many, its file is that of the third.
    assert_eq!(world.store.version(&world.account, &world.name, &second.id).unwrap(), None);
    assert_eq!(world.modules(&third), main_module("second"));
    assert_eq!(world.files().len(), 2);
    world.upload(NewVersion::like(&first)).unwrap();
    world.reopen();
    assert_eq!(world.files().len(), 1);
    let numbers: Vec<_> = world.versions().iter().map(|version| version.number).collect();
    assert_eq!((numbers.len(), numbers[0], numbers[99], numbers[100]), (101, 103, 4, 1));
    assert_eq!(world.modules(&world.script().deployed.clone().unwrap()), main_module("first"));
    // Ten deployments later it goes, too.
    let latest = world.versions()[0].clone();
    for _ in 0..10 {
        world.deploy(&latest);
    }
    assert_eq!(world.store.version(&world.account, &world.name, &first.id).unwrap(), None);
    assert_eq!(world.modules(&latest), main_module("first"));
    assert_eq!(world.store.deployments(&world.account, &world.name).unwrap().len(), 10);
}

#[test]
fn what_can_be_no_version_is_refused_and_leaves_nothing() {
    let world = World::new();
    let refused = |new: NewVersion| match world.upload(new) {
        Err(ScriptError::Invalid(why)) => why,
        other => panic!("{other:?}"),
    };
    let told = refused(new(vec![module("a.js", ModuleKind::EsModule, b"")]));
    assert_eq!(told, "there is no module of the name \"index.js\", which is to be the main one");
    let told = refused(new(vec![module("index.js", ModuleKind::Wasm, b"")]));
    assert_eq!(told, "the main module \"index.js\" is not JavaScript");
    let mut twice = main_module("");
    twice.extend(main_module(""));
    assert_eq!(refused(new(twice)), "there are two modules of the name \"index.js\"");
    let many = (0..=MAX_MODULES).map(|n| module(&n.to_string(), ModuleKind::Text, b"")).collect();
    assert_eq!(refused(new(many)), "the Worker has 1001 modules, of at most 1000");
    let large = vec![module("index.js", ModuleKind::EsModule, &vec![b' '; MAX_OCTETS + 1])];
    assert_eq!(refused(new(large)), "the modules have 67108865 octets, of at most 67108864");
    let bound = |bindings| refused(NewVersion { bindings, ..new(main_module("")) });
    assert_eq!(bound(vec![text("A", ""), text("A", "")]), "there are two bindings of the name \"A\"");
    let long = "x".repeat(MAX_VARIABLE + 1);
    assert_eq!(bound(vec![text("A", &long)]), "the variable \"A\" has 5121 octets, of at most 5120");
    let many = (0..=MAX_BINDINGS).map(|n| text(&n.to_string(), "")).collect();
    assert_eq!(bound(many), "the Worker has 129 bindings, of at most 128");
    let data = Binding { name: "D".to_owned(), kind: BindingKind::Data(vec![0; 1 << 20]) };
    assert_eq!(bound(vec![data]), "the bindings have 1048577 octets, of at most 1048576");
    assert_eq!(world.store.script(&world.account, &world.name), None);
    let gone = world.upload(new(main_module(""))).unwrap();
    let stranger = NewVersion { code: Code::Of(VersionId::random().unwrap()), ..new(Vec::new()) };
    assert!(matches!(world.upload(stranger), Err(ScriptError::NoVersion { .. })));
    assert_eq!((world.versions(), world.files().len()), (vec![gone], 1));
}

#[test]
fn a_removed_worker_is_gone_with_its_files_and_its_name_is_free() {
    let mut world = World::new();
    let version = world.upload(new(main_module("1"))).unwrap();
    world.deploy(&version);
    let id = world.script().id.clone();
    world.store.remove(&world.account, &world.name).unwrap();
    assert!(matches!(world.store.remove(&world.account, &world.name), Err(ScriptError::NoScript(_))));
    world.reopen();
    assert_eq!(world.store.scripts(&world.account), []);
    assert_eq!(world.files(), [""; 0].map(PathBuf::from));
    let read = world.store.modules(&world.account, &world.name, &version);
    assert!(matches!(read, Err(ScriptError::NoVersion { .. })));
    let version = world.upload(new(main_module("2"))).unwrap();
    assert_eq!(version.number, 1);
    assert_ne!(world.script().id, id);
}

#[test]
fn files_of_nobody_are_removed_by_the_next_start_and_others_stay() {
    let mut world = World::new();
    let version = world.upload(new(main_module("1"))).unwrap();
    let folder = world.files()[0].parent().unwrap().to_path_buf();
    for name in [VersionId::random().unwrap().as_str(), ".half.new"] {
        std::fs::write(folder.join(name), "left by a crash").unwrap();
    }
    world.reopen();
    assert_eq!(world.files().len(), 1);
    assert_eq!(world.modules(&version), main_module("1"));
}

#[test]
fn a_damaged_file_is_not_taken_for_the_modules() {
    let world = World::new();
    let version = world.upload(new(main_module("1"))).unwrap();
    std::fs::write(&world.files()[0], "2").unwrap();
    let read = world.store.modules(&world.account, &world.name, &version);
    assert!(matches!(read, Err(ScriptError::Storage(StorageError::Format { .. }))), "{read:?}");
}

#[test]
fn code_and_secrets_are_their_owners_only() {
    let world = World::new();
    world.upload(new(main_module("1"))).unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let dir = world.dir.path().join("scripts");
    assert_eq!((mode(&dir), mode(&world.files()[0])), (0o700, 0o600));
    assert_eq!(mode(world.files()[0].parent().unwrap()), 0o700);
    for file in ["scripts.sqlite", "scripts.sqlite-wal"] {
        assert_eq!(mode(&dir.join(file)), 0o600, "{file}");
    }
}

#[test]
fn a_worker_is_found_by_its_host_name_if_it_answers_there() {
    let mut world = World::new();
    let version = world.upload(new(main_module("1"))).unwrap();
    world.deploy(&version);
    let found = |world: &World, label: &str, subdomain: &str| {
        world.store.script_of_host(label, subdomain).map(|script| script.name.to_string())
    };
    world.store.set_subdomain(&world.account, "Acme").unwrap();
    assert_eq!(found(&world, "mail", "acme"), None);
    let host = Host { workers_dev: true, previews: false };
    world.store.set_host(&world.account, &world.name, host).unwrap();
    world.reopen();
    assert_eq!(found(&world, "MAIL", "aCme").as_deref(), Some("mail"));
    assert_eq!(found(&world, "other", "acme"), None);
    let stranger = ObjectId::random().unwrap();
    assert!(matches!(world.store.set_subdomain(&stranger, "acme"), Err(ScriptError::Taken(_))));
    assert!(matches!(world.store.set_subdomain(&stranger, "a.b"), Err(ScriptError::Invalid(_))));
    // The old one is free once there is a new one.
    world.store.set_subdomain(&world.account, "new").unwrap();
    world.store.set_subdomain(&stranger, "acme").unwrap();
    world.reopen();
    assert_eq!(
        (found(&world, "mail", "acme"), found(&world, "mail", "new")),
        (None, Some("mail".to_owned()))
    );
    assert_eq!(world.store.subdomain(&stranger).as_deref(), Some("acme"));
}

#[test]
fn settings_are_told_again_as_they_were_given() {
    let mut world = World::new();
    world.upload(new(main_module("1"))).unwrap();
    assert_eq!(world.script().settings, Value::Null);
    let settings = json!({ "logpush": false, "tags": ["x"] });
    world.store.set_settings(&world.account, &world.name, &settings).unwrap();
    world.reopen();
    assert_eq!(world.script().settings, settings);
    let long = Value::String("x".repeat(70_000));
    let refused = world.store.set_settings(&world.account, &world.name, &long);
    assert!(matches!(refused, Err(ScriptError::Invalid(_))));
}

#[test]
fn with_an_account_goes_all_that_it_has_and_nothing_of_others() {
    let mut world = World::new();
    world.upload(new(main_module("1"))).unwrap();
    world.store.set_subdomain(&world.account, "acme").unwrap();
    let stranger = ObjectId::random().unwrap();
    let theirs = world.store.upload(&stranger, &world.name, new(main_module("2")), origin(1)).unwrap();
    world.store.remove_account(&world.account).unwrap();
    world.reopen();
    assert_eq!((world.store.scripts(&world.account), world.store.subdomain(&world.account)), (vec![], None));
    assert_eq!(world.store.all().len(), 1);
    assert_eq!(world.store.modules(&stranger, &world.name, &theirs).unwrap(), main_module("2"));
    assert!(!world.dir.path().join("scripts").join(world.account.as_str()).exists());
}
