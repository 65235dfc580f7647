//! `mailwright worker kv`

use super::{
    super::{CommandError, account::word, say, say_json, table::table},
    Of,
};
use crate::control_client::{ControlClient, escaped, with_query};
use serde_json::{Value, json};
use std::io::{self, Read, Write};

/// Most keys of a page of the API.
const PER_PAGE: &str = "1000";

/// What to do with namespaces of keys and values.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List namespaces
    List {
        #[command(flatten)]
        of: Of,
    },
    /// Make a namespace; its id is what Workers are bound to
    Create {
        /// Its title, for people
        title: String,
        #[command(flatten)]
        of: Of,
    },
    /// Remove a namespace with everything in it
    Delete {
        #[command(flatten)]
        namespace: Namespace,
    },
    /// List keys, in their order
    Keys {
        #[command(flatten)]
        namespace: Namespace,
        /// Only those that begin with this
        #[arg(long, value_name = "TEXT")]
        prefix: Option<String>,
    },
    /// Print the value of a key, as it is
    Get {
        #[command(flatten)]
        namespace: Namespace,
        /// The key
        key: String,
    },
    /// Set a key to what standard input has
    Put {
        #[command(flatten)]
        namespace: Namespace,
        /// The key
        key: String,
        /// Seconds after which it is gone; at least 60
        #[arg(long, value_name = "SECONDS")]
        ttl: Option<u64>,
    },
    /// Remove a key
    Remove {
        #[command(flatten)]
        namespace: Namespace,
        /// The key
        key: String,
    },
}

/// Which namespace.
#[derive(Debug, clap::Args)]
struct Namespace {
    /// The namespace, by its id or title
    namespace: String,
    #[command(flatten)]
    of: Of,
}

impl Namespace {
    /// A client of the server, the namespace's id and its path.
    fn path(&self) -> Result<(ControlClient, String, String), CommandError> {
        let (client, account) = self.of.account()?;
        let all = namespaces(&account);
        let named =
            |one: &&Value| one["id"] == self.namespace.as_str() || one["title"] == self.namespace.as_str();
        let listed = client.list(&all)?;
        let none = || CommandError::Invalid(format!("there is no namespace {}", self.namespace));
        let id = word(listed.iter().find(named).ok_or_else(none)?, "id");
        let path = format!("{all}/{}", escaped(&id));
        Ok((client, id, path))
    }

    fn tell(&self, answer: &Value, done: &str) -> Result<(), CommandError> {
        if self.of.place.json { say_json(answer) } else { Ok(say(done)?) }
    }
}

fn namespaces(account: &str) -> String {
    format!("{account}/storage/kv/namespaces")
}

/// Does it.
pub(super) fn run(args: &Args) -> Result<(), CommandError> {
    match &args.action {
        Action::List { of } => list(of),
        Action::Create { title, of } => {
            let (client, account) = of.account()?;
            let made: Value = client.post(&namespaces(&account), &json!({ "title": title }))?;
            if of.place.json { say_json(&made) } else { Ok(say(&word(&made, "id"))?) }
        }
        Action::Delete { namespace } => {
            let (client, id, path) = namespace.path()?;
            namespace.tell(&client.delete(&path)?, &format!("removed: namespace {id}"))
        }
        Action::Keys { namespace, prefix } => keys(namespace, prefix.as_deref()),
        Action::Get { namespace, key } => {
            let (client, _, path) = namespace.path()?;
            let value =
                client.octets(&format!("{path}/values/{}", escaped(key)), "application/octet-stream")?;
            Ok(io::stdout().write_all(&value)?)
        }
        Action::Put { namespace, key, ttl } => put(namespace, key, *ttl),
        Action::Remove { namespace, key } => {
            let (client, _, path) = namespace.path()?;
            let answer = client.delete(&format!("{path}/values/{}", escaped(key)))?;
            namespace.tell(&answer, &format!("removed: {key}"))
        }
    }
}

fn list(of: &Of) -> Result<(), CommandError> {
    let (client, account) = of.account()?;
    let listed = client.list(&namespaces(&account))?;
    if of.place.json {
        return say_json(&listed.into());
    }
    Ok(say(&table(["ID", "TITLE"], listed.iter().map(|one| ["id", "title"].map(|field| word(one, field)))))?)
}

fn keys(namespace: &Namespace, prefix: Option<&str>) -> Result<(), CommandError> {
    let (client, _, path) = namespace.path()?;
    let (mut keys, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let page = [("limit", Some(PER_PAGE)), ("prefix", prefix), ("cursor", cursor.as_deref())];
        let mut envelope = client.envelope(&with_query(&format!("{path}/keys"), &page))?;
        if let Value::Array(found) = envelope["result"].take() {
            keys.extend(found);
        }
        cursor =
            envelope["result_info"]["cursor"].as_str().filter(|cursor| !cursor.is_empty()).map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    if namespace.of.place.json {
        return say_json(&keys.into());
    }
    keys.iter().try_for_each(|key| Ok(say(&word(key, "name"))?))
}

fn put(namespace: &Namespace, key: &str, ttl: Option<u64>) -> Result<(), CommandError> {
    let (client, _, path) = namespace.path()?;
    let mut value = Vec::new();
    io::stdin().read_to_end(&mut value)?;
    let ttl = ttl.map(|ttl| ttl.to_string());
    let path = with_query(&format!("{path}/values/{}", escaped(key)), &[("expiration_ttl", ttl.as_deref())]);
    let answer = client.put_octets(&path, "application/octet-stream", value)?;
    namespace.tell(&answer, &format!("set: {key}"))
}
