//! Workers with stores in a folder of their own, and somebody who notes what they ask for.

use mailwright_engine::{
    time::UnixMillis,
    worker::{ActionError, Binding, BindingKind, EmailEvent, Limits, Module, ModuleKind, ScriptName},
};
use mailwright_storage::{
    control::ObjectId,
    workers::{Code, NewDeployment, NewVersion, Origin, WorkerStoreSettings, WorkerStores},
};
use mailwright_workers::{
    EmailDone, EventDesk, EventError, Mailer, Observer, OutgoingMail, Run, RuntimeFound, SendRequest,
    Sending, Workers, WorkersParts, WorkersSettings, find,
};
use std::{
    collections::BTreeMap,
    future::Future,
    path::PathBuf,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};
use tempfile::TempDir;
use tokio::runtime;

/// The workerd that tests use.
pub(crate) fn runtime() -> Option<&'static RuntimeFound> {
    static FOUND: OnceLock<Option<RuntimeFound>> = OnceLock::new();
    FOUND
        .get_or_init(|| {
            let modules = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/js");
            let mut settings = WorkersSettings::new(PathBuf::new(), PathBuf::from(modules));
            settings.binary = std::env::var_os("MAILWRIGHT_WORKERD").map(PathBuf::from);
            find(&settings).ok().or_else(|| {
                let found = format!("{modules}/node_modules/@cloudflare/workerd-linux-64/bin/workerd");
                settings.binary = Some(PathBuf::from(found));
                find(&settings).ok()
            })
        })
        .as_ref()
}

/// Runs a test on the one thread that everything of a server's Workers is on.
pub(crate) fn run(test: impl Future<Output = ()>) {
    runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

/// Workers of one account.
pub(crate) struct Fixture {
    pub(crate) workers: Workers,
    pub(crate) stores: WorkerStores,
    pub(crate) account: ObjectId,
    pub(crate) told: Arc<Told>,
    pub(crate) post: Arc<Post>,
    pub(crate) dir: TempDir,
}

#[derive(Default)]
pub(crate) struct Told(pub(crate) Mutex<Vec<Run>>);

impl Observer for Told {
    fn ran(&self, run: &Run) {
        self.0.lock().unwrap().push(run.clone());
    }
}

/// Notes what is sent; refuses what has the subject `refused`.
#[derive(Default)]
pub(crate) struct Post(pub Mutex<Vec<SendRequest>>);

impl Mailer for Post {
    fn send(&self, request: SendRequest) -> Sending<'_> {
        let is_refused =
            matches!(&request.message, OutgoingMail::Built(message) if message["subject"] == "refused");
        self.0.lock().unwrap().push(request);
        Box::pin(async move {
            if is_refused {
                let (code, message) = ("E_SENDER_NOT_VERIFIED".to_owned(), "Verify it first.".to_owned());
                return Err(ActionError { code: Some(code), message });
            }
            Ok("message-1@here.example".to_owned())
        })
    }
}

/// Notes replies; addresses of `good.example` may be forwarded to, of which one is known before.
#[derive(Default)]
pub(crate) struct Desk(pub(crate) Mutex<Vec<(String, String, Vec<u8>)>>);

impl EventDesk for Desk {
    fn may_forward(&self, to: &str) -> Result<(), ActionError> {
        if to.ends_with("@good.example") || to == "x@example.org" {
            return Ok(());
        }
        Err(ActionError { code: None, message: format!("{to} is no verified destination") })
    }

    fn reply(&self, from: &str, to: &str, raw: Vec<u8>) -> Result<(), ActionError> {
        if to == "nobody" {
            return Err(ActionError { code: None, message: "nobody asked".to_owned() });
        }
        self.0.lock().unwrap().push((from.to_owned(), to.to_owned(), raw));
        Ok(())
    }

    fn destinations(&self) -> Vec<String> {
        vec!["known@good.example".to_owned()]
    }
}

impl Fixture {
    pub(crate) fn new(change: impl FnOnce(&mut WorkersSettings)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let stores = WorkerStores::open(&dir.path().join("workers"), WorkerStoreSettings::default()).unwrap();
        let mut settings = WorkersSettings::new(std::env::current_exe().unwrap(), dir.path().join("workers"));
        settings.binary = Some(runtime().unwrap().path.clone());
        change(&mut settings);
        let (told, post) = (Arc::new(Told::default()), Arc::new(Post::default()));
        let workers = Workers::new(WorkersParts {
            scripts: stores.scripts.clone(),
            kv: stores.kv.clone(),
            queues: stores.queues.clone(),
            points: stores.points.clone(),
            mailer: post.clone(),
            observer: told.clone(),
            settings,
        });
        Self {
            workers,
            stores,
            account: "0123456789abcdef0123456789abcdef".parse().unwrap(),
            told,
            post,
            dir,
        }
    }

    /// Deploys a Worker of one module.
    pub(crate) fn deploy(&self, name: &str, code: &str) -> ScriptName {
        let module = Module { name: "index.js".to_owned(), kind: ModuleKind::EsModule, content: code.into() };
        self.deploy_modules(name, vec![module], Vec::new(), Limits::default())
    }

    pub(crate) fn deploy_modules(
        &self,
        name: &str,
        modules: Vec<Module>,
        bindings: Vec<Binding>,
        limits: Limits,
    ) -> ScriptName {
        let name: ScriptName = name.parse().unwrap();
        let origin = Origin { at: UnixMillis::new(0), author: "test".to_owned(), source: "test".to_owned() };
        let new = NewVersion {
            main_module: modules[0].name.clone(),
            code: Code::New(modules),
            compatibility_date: "2026-04-01".to_owned(),
            compatibility_flags: vec!["nodejs_compat".to_owned()],
            bindings,
            limits,
            handlers: Vec::new(),
            annotations: BTreeMap::new(),
            extra: serde_json::Value::Null,
        };
        let scripts = &self.stores.scripts;
        let version = scripts.upload(&self.account, &name, new, origin.clone()).unwrap();
        scripts.deploy(&self.account, &name, &version.id, NewDeployment::default(), origin).unwrap();
        self.workers.changed(&self.account, &name);
        name
    }

    /// Hands a message over; `from` says to the Workers of these tests what to do.
    pub(crate) async fn email(&self, script: &ScriptName, from: &str) -> Result<EmailDone, EventError> {
        self.message(script, from, Arc::new(Desk::default())).await
    }

    pub(crate) async fn message(
        &self,
        script: &ScriptName,
        from: &str,
        desk: Arc<Desk>,
    ) -> Result<EmailDone, EventError> {
        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let event = EmailEvent {
            id: "message-1".to_owned(),
            from: from.to_owned(),
            to: "box@here.example".to_owned(),
            headers: vec![field("Subject", "hi"), field("Received", "one"), field("Received", "two")],
            raw: Arc::from(b"Subject: hi\r\nReceived: one\r\nReceived: two\r\n\r\nhello\r\n".as_slice()),
            can_be_forwarded: true,
        };
        self.workers.email(&self.account, script, event, desk).await
    }

    /// The next event that is told of.
    pub(crate) async fn next_run(&self) -> Run {
        tokio::time::timeout(Duration::from_secs(10), async {
            loop {
                if let Some(run) = self.told.0.lock().unwrap().pop() {
                    return run;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await
        .unwrap()
    }

    /// Numbers of the processes of workerd that this one has started.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let own = std::process::id().to_string();
        let children = std::fs::read_to_string(format!("/proc/{own}/task/{own}/children")).unwrap();
        children.split_ascii_whitespace().map(|pid| pid.parse().unwrap()).collect()
    }
}

pub(crate) fn variable(name: &str, value: &str) -> Binding {
    Binding { name: name.to_owned(), kind: BindingKind::PlainText(value.to_owned()) }
}
