//! What stands in `env`, and the services behind it.

use super::{HOST_SOCKET, Program, text};
use crate::wire;
use mailwright_engine::worker::BindingKind;
use text::quoted;

/// The bindings of a Worker and the services that they lead to.
#[derive(Debug)]
pub(super) struct Bindings {
    /// Members of `bindings`.
    pub(super) members: Vec<String>,
    /// Members of `services`, one for each binding that leads to the host.
    pub(super) services: Vec<String>,
}

impl Bindings {
    /// The bindings of a version, and the one by which our entry module reaches the host under the name `hidden`.
    pub(super) fn of(program: &Program, hidden: &str) -> Self {
        let mut bindings = Self {
            members: vec![format!("(name={}, service=\"h-desk\")", quoted(hidden))],
            services: vec![host(wire::DESK), host(wire::TAIL)],
        };
        for (index, binding) in program.bindings.iter().enumerate() {
            let index = index.to_string();
            let value = value(&binding.kind, &index, &program.metadata);
            bindings.members.push(format!("(name={}, {value})", quoted(&binding.name)));
            if leads_to_host(&binding.kind) {
                bindings.services.push(host(&index));
            }
        }
        bindings
    }
}

fn value(kind: &BindingKind, index: &str, metadata: &str) -> String {
    match kind {
        BindingKind::PlainText(text) | BindingKind::SecretText(text) => format!("text={}", quoted(text)),
        BindingKind::Json(json) => format!("json={}", quoted(json)),
        BindingKind::VersionMetadata => format!("json={}", quoted(metadata)),
        BindingKind::Data(octets) => format!("data={}", text::data(octets)),
        BindingKind::Kv(_) => format!("kvNamespace=\"h-{index}\""),
        BindingKind::Queue { .. } => format!("queue=\"h-{index}\""),
        BindingKind::SendEmail(_) => wrapped("mailwright-internal:send-email", index),
        BindingKind::Analytics(_) => wrapped("mailwright-internal:analytics", index),
    }
}

/// A binding made of a module of ours, which alone can reach the service.
fn wrapped(module: &str, index: &str) -> String {
    format!("wrapped=(moduleName=\"{module}\", innerBindings=[(name=\"host\", service=\"h-{index}\")])")
}

fn leads_to_host(kind: &BindingKind) -> bool {
    match kind {
        BindingKind::Kv(_)
        | BindingKind::Queue { .. }
        | BindingKind::SendEmail(_)
        | BindingKind::Analytics(_) => true,
        BindingKind::PlainText(_)
        | BindingKind::SecretText(_)
        | BindingKind::Json(_)
        | BindingKind::Data(_)
        | BindingKind::VersionMetadata => false,
    }
}

/// The service that is our host, for one binding: workerd says which, in place of whatever the code may have said.
fn host(binding: &str) -> String {
    format!(
        "(name=\"h-{binding}\", external=(address=\"unix:{HOST_SOCKET}\", \
         http=(injectRequestHeaders=[(name=\"{}\", value=\"{binding}\")])))",
        wire::BINDING
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use mailwright_engine::worker::{Binding, SendRules};

    #[test]
    fn each_binding_that_leads_to_the_host_has_a_service_that_names_it() {
        let kinds = [
            BindingKind::PlainText("a \"quoted\" text".to_owned()),
            BindingKind::Kv("0".repeat(32)),
            BindingKind::Queue { name: "q\"".to_owned(), delay: 3 },
            BindingKind::SendEmail(SendRules::default()),
            BindingKind::Data(vec![1, 2]),
            BindingKind::Analytics("points".to_owned()),
            BindingKind::VersionMetadata,
        ];
        let binding = |kind| Binding { name: "N".to_owned(), kind };
        let program = Program {
            entry: "e".to_owned(),
            main_module: "a".to_owned(),
            modules: Vec::new(),
            compatibility_date: String::new(),
            compatibility_flags: Vec::new(),
            bindings: kinds.into_iter().map(binding).collect(),
            metadata: "{\"id\":1}".to_owned(),
        };
        let bindings = Bindings::of(&program, "$mailwright");
        let send = "(name=\"N\", wrapped=(moduleName=\"mailwright-internal:send-email\", \
                    innerBindings=[(name=\"host\", service=\"h-3\")]))";
        assert_eq!(bindings.members[1], r#"(name="N", text="a \"quoted\" text")"#);
        assert_eq!(bindings.members[2], r#"(name="N", kvNamespace="h-1")"#);
        assert_eq!(bindings.members[3], r#"(name="N", queue="h-2")"#);
        assert_eq!(bindings.members[4], send);
        assert_eq!(bindings.members[5], r#"(name="N", data=0x"0102")"#);
        assert_eq!(bindings.members[7], r#"(name="N", json="{\"id\":1}")"#);
        let named = |service: &String| service.split('"').nth(1).unwrap().to_owned();
        let names: Vec<_> = bindings.services.iter().map(named).collect();
        assert_eq!(names, ["h-desk", "h-tail", "h-1", "h-2", "h-3", "h-5"]);
        assert!(bindings.services[2].contains(r#"(name="mw-binding", value="1")"#));
    }
}
