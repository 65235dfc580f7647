//! What workerd is told of a Worker: a configuration in Cap'n Proto's text form, and the files that it embeds.
//!
//! Pure: names and values are whatever their author likes, and none of them may become more than a name or a value.

mod bindings;
mod text;

use bindings::Bindings;
use mailwright_engine::worker::{Binding, Module, ModuleKind};
use text::{list, quoted};

/// The name of the file with the configuration.
pub(crate) const FILE: &str = "config.capnp";
/// The socket on which the host listens.
pub(crate) const HOST_SOCKET: &str = "host.sock";
/// The socket for messages.
pub(crate) const EVENT_SOCKET: &str = "event.sock";
/// The socket for HTTP requests.
pub(crate) const FETCH_SOCKET: &str = "fetch.sock";
/// The socket for batches of queues.
pub(crate) const QUEUE_SOCKET: &str = "queue.sock";
/// How many sockets workerd listens on.
pub(crate) const SOCKETS: usize = 3;

/// The entry module's export that takes messages.
const ENTRYPOINT: &str = "mailwrightEvents";
/// Networks that workerd takes for public though nobody's servers are in them (RFC 6890): for benchmarks, for protocols,
/// reserved, and those of IPv6 whose addresses lead to an address of IPv4 that nobody has looked at.
const NOT_PUBLIC: [&str; 10] = [
    "192.0.0.0/24",
    "192.88.99.0/24",
    "198.18.0.0/15",
    "240.0.0.0/4",
    "::/96",
    "64:ff9b::/96",
    "64:ff9b:1::/48",
    "2001::/32",
    "2002::/16",
    "fec0::/10",
];
/// The compatibility date of our own modules.
const OWN_DATE: &str = "2026-04-17";

const ENTRY: &str = include_str!("../../js/entry.mjs");
const FRONT: &str = include_str!("../../js/front.mjs");
const TAILER: &str = include_str!("../../js/tailer.mjs");
/// Modules of ours that bindings are made of, which no user's module can import.
const INTERNAL: [(&str, &str); 4] = [
    ("mailwright-internal:email", include_str!("../../js/email.mjs")),
    ("cloudflare-internal:email", include_str!("../../js/cloudflare-email.mjs")),
    ("mailwright-internal:send-email", include_str!("../../js/send-email.mjs")),
    ("mailwright-internal:analytics", include_str!("../../js/analytics.mjs")),
];

/// A version of a Worker, as far as workerd is told of it.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    /// The module that exports the handlers.
    pub(crate) main_module: String,
    /// All modules, that one among them.
    pub(crate) modules: Vec<Module>,
    /// The day whose behaviour of the runtime it wants.
    pub(crate) compatibility_date: String,
    /// Changes of that behaviour.
    pub(crate) compatibility_flags: Vec<String>,
    /// What stands in `env`.
    pub(crate) bindings: Vec<Binding>,
    /// What a binding of version metadata shows, as JSON.
    pub(crate) metadata: String,
}

/// What the operator decides, as far as workerd is told of it.
#[derive(Debug, Clone)]
pub(crate) struct Bounds {
    /// Most MiB of V8's heap.
    pub(crate) heap: u64,
    /// Networks that `fetch()` may reach beside the public ones.
    pub(crate) allow_addresses: Vec<String>,
}

/// Files, by their names within the run folder. The first is the configuration.
pub(crate) type Files = Vec<(String, Vec<u8>)>;

/// The files from which workerd serves a Worker.
pub(crate) fn files(program: Program, bounds: &Bounds) -> Files {
    let entry = unused("mailwright-entry", |name| program.modules.iter().any(|module| module.name == name));
    let hidden = unused("$mailwright", |name| program.bindings.iter().any(|binding| binding.name == name));
    let bindings = Bindings::of(&program, &hidden);
    let mut files = vec![(FILE.to_owned(), Vec::new())];
    let mut modules =
        vec![embedded(&mut files, &entry, "esModule", entry_module(&program.main_module, &hidden))];
    let user = worker_settings(&program);
    for Module { name, kind, content } in program.modules {
        modules.push(embedded(&mut files, &name, member(kind), content));
    }
    let user = format!(
        "(name=\"user\", worker=(modules={}, {user}, globalOutbound=\"internet\", tails=[\"tailer\"], bindings={}))",
        list(modules),
        list(bindings.members),
    );
    let mut services = vec![user, front(), tailer(), internet(bounds)];
    services.extend(bindings.services);
    let text = format!(
        "using Workerd = import \"/workerd/workerd.capnp\";\nconst config :Workerd.Config = (\nservices={},\n\
         sockets={},\nextensions=[(modules={})],\nv8Flags=[\"--expose-gc\", \"--max-old-space-size={}\"]);\n",
        list(services),
        list(sockets()),
        list(INTERNAL.map(|(name, text)| {
            format!("(name={}, internal=true, esModule={})", quoted(name), quoted(text))
        })),
        bounds.heap,
    );
    if let Some((_, content)) = files.first_mut() {
        *content = text.into_bytes();
    }
    files
}

/// Our entry module, which imports the Worker's main module by its name and knows the binding that leads to the host.
fn entry_module(main: &str, hidden: &str) -> Vec<u8> {
    let text = |name: &str| serde_json::Value::from(name).to_string();
    ENTRY.replace("\"%HOST%\"", &text(hidden)).replace("\"%MAIN%\"", &text(main)).into_bytes()
}

fn worker_settings(program: &Program) -> String {
    format!(
        "compatibilityDate={}, compatibilityFlags={}",
        quoted(&program.compatibility_date),
        list(program.compatibility_flags.iter().map(|flag| quoted(flag)))
    )
}

/// The service that calls `queue()`: workerd has no socket for it.
fn front() -> String {
    format!(
        "(name=\"front\", worker=(modules=[(name=\"front\", esModule={})], compatibilityDate=\"{OWN_DATE}\", \
         compatibilityFlags=[\"service_binding_extra_handlers\"], bindings=[(name=\"USER\", service=\"user\")]))",
        quoted(FRONT)
    )
}

/// The service that tells us what the Worker wrote.
fn tailer() -> String {
    format!(
        "(name=\"tailer\", worker=(modules=[(name=\"tailer\", esModule={})], compatibilityDate=\"{OWN_DATE}\", \
         bindings=[(name=\"HOST\", service=\"h-tail\")]))",
        quoted(TAILER)
    )
}

/// Where `fetch()` goes: to no private, loopback or link-local address but those that the operator allows.
fn internet(bounds: &Bounds) -> String {
    let allowed = bounds.allow_addresses.iter().map(|network| quoted(network));
    format!(
        "(name=\"internet\", network=(allow={}, deny={}, tlsOptions=(trustBrowserCas=true)))",
        list(std::iter::once(quoted("public")).chain(allowed)),
        list(NOT_PUBLIC.map(quoted)),
    )
}

fn sockets() -> [String; SOCKETS] {
    [
        socket("event", EVENT_SOCKET, &format!("(name=\"user\", entrypoint=\"{ENTRYPOINT}\")")),
        socket("fetch", FETCH_SOCKET, "\"user\""),
        socket("queue", QUEUE_SOCKET, "\"front\""),
    ]
}

/// `cf` of a request would tell the number of our process, if no header field were named that may have it.
fn socket(name: &str, path: &str, service: &str) -> String {
    format!("(name=\"{name}\", address=\"unix:{path}\", http=(cfBlobHeader=\"mw-cf\"), service={service})")
}

fn member(kind: ModuleKind) -> &'static str {
    match kind {
        ModuleKind::EsModule => "esModule",
        ModuleKind::CommonJs => "commonJsModule",
        ModuleKind::Wasm => "wasm",
        ModuleKind::Text => "text",
        ModuleKind::Data => "data",
        ModuleKind::Json => "json",
    }
}

/// A module whose content is in a file of its own.
fn embedded(files: &mut Files, name: &str, member: &str, content: Vec<u8>) -> String {
    let file = format!("m{}", files.len());
    let module = format!("(name={}, {member}=embed \"{file}\")", quoted(name));
    files.push((file, content));
    module
}

/// A name like `wanted` that is not in use.
fn unused(wanted: &str, is_used: impl Fn(&str) -> bool) -> String {
    let mut name = wanted.to_owned();
    while is_used(&name) {
        name.push('_');
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(modules: &[(&str, ModuleKind)]) -> Program {
        let module = |(name, kind): &(&str, ModuleKind)| Module {
            name: (*name).to_owned(),
            kind: *kind,
            content: b"content".to_vec(),
        };
        Program {
            main_module: modules[0].0.to_owned(),
            modules: modules.iter().map(module).collect(),
            compatibility_date: "2026-04-01".to_owned(),
            compatibility_flags: vec!["nodejs_compat".to_owned()],
            bindings: Vec::new(),
            metadata: "{}".to_owned(),
        }
    }

    fn bounds() -> Bounds {
        Bounds { heap: 128, allow_addresses: vec!["10.1.0.0/16".to_owned()] }
    }

    fn text(files: &Files) -> &str {
        assert_eq!(files[0].0, FILE);
        std::str::from_utf8(&files[0].1).unwrap()
    }

    #[test]
    fn each_module_is_a_file_under_its_own_name_in_the_text() {
        let modules = [
            ("index.js", ModuleKind::EsModule),
            ("a \"b\".wasm", ModuleKind::Wasm),
            ("t.txt", ModuleKind::Text),
        ];
        let files = files(program(&modules), &bounds());
        let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, [FILE, "m1", "m2", "m3", "m4"]);
        let text = text(&files);
        for module in [
            r#"(name="mailwright-entry", esModule=embed "m1")"#,
            r#"(name="index.js", esModule=embed "m2")"#,
            r#"(name="a \"b\".wasm", wasm=embed "m3")"#,
            r#"(name="t.txt", text=embed "m4")"#,
        ] {
            assert!(text.contains(module), "{module} in {text}");
        }
    }

    #[test]
    fn the_entry_module_imports_the_main_module_whatever_it_is_called() {
        let files = files(program(&[("x\";evil()//", ModuleKind::EsModule)]), &bounds());
        let entry = std::str::from_utf8(&files[1].1).unwrap();
        assert!(entry.contains(r#"import * as user from "x\";evil()//";"#), "{entry}");
        assert!(!entry.contains('%'), "{entry}");
    }

    #[test]
    fn a_module_or_binding_with_one_of_our_names_makes_us_take_another() {
        let mut program = program(&[("mailwright-entry", ModuleKind::EsModule)]);
        program.bindings = vec![Binding {
            name: "$mailwright".to_owned(),
            kind: mailwright_engine::worker::BindingKind::PlainText("theirs".to_owned()),
        }];
        let files = files(program, &bounds());
        let text = text(&files);
        assert!(text.contains(r#"(name="mailwright-entry_", esModule=embed "m1")"#), "{text}");
        assert!(text.contains(r#"(name="$mailwright_", service="h-desk")"#), "{text}");
        assert!(text.contains(r#"(name="$mailwright", text="theirs")"#), "{text}");
    }

    #[test]
    fn what_the_operator_allows_stands_beside_the_public_networks() {
        let files = files(program(&[("a", ModuleKind::EsModule)]), &bounds());
        assert!(text(&files).contains(r#"network=(allow=["public", "10.1.0.0/16"], deny=["192.0.0.0/24", "#));
        assert!(text(&files).contains(r#"v8Flags=["--expose-gc", "--max-old-space-size=128"]"#));
    }
}
