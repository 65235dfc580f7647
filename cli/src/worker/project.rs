//! A Worker on this machine: a folder with its configuration, or a file of code.

use super::{
    COMPATIBILITY_DATE, ProjectError,
    bundle::bundle,
    modules::{Followed, Modules, follow},
    wrangler_file::{Consumer, WranglerFile},
};
use mailwright_engine::worker::ScriptName;
use serde_json::{Map, Value, json};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// What is said on the command line; it comes before what the folder says.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Given {
    /// Its name; else what its configuration says, or the name of the file
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<ScriptName>,
    /// The module that is run, instead of what the configuration says
    #[arg(long, value_name = "FILE")]
    main: Option<PathBuf>,
    /// A variable; can be given more than once
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = pair)]
    vars: Vec<(String, String)>,
    /// A KV namespace by its id, under a name in env; can be given more than once
    #[arg(long = "kv", value_name = "NAME=ID", value_parser = pair)]
    kv: Vec<(String, String)>,
    /// A queue to send to, under a name in env; can be given more than once
    #[arg(long = "queue", value_name = "NAME=QUEUE", value_parser = pair)]
    queues: Vec<(String, String)>,
    /// A name in env whose send() sends mail; can be given more than once
    #[arg(long = "send-email", value_name = "NAME")]
    send_email: Vec<String>,
    /// The day whose runtime it is written for
    #[arg(long, value_name = "YYYY-MM-DD")]
    compatibility_date: Option<String>,
    /// A compatibility flag, as nodejs_compat; can be given more than once
    #[arg(long = "flag", value_name = "FLAG")]
    flags: Vec<String>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let split = text.split_once('=').filter(|(name, _)| !name.is_empty());
    split
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .ok_or_else(|| format!("{text:?} is no NAME=VALUE"))
}

/// A Worker as its folder and the command line have it.
#[derive(Debug)]
pub(crate) struct Project {
    pub(crate) name: ScriptName,
    /// The folder that it is in.
    pub(crate) folder: PathBuf,
    main: PathBuf,
    file: WranglerFile,
    /// What it is bound to, as the API has it.
    pub(super) bindings: Vec<Value>,
}

impl Project {
    /// Reads what `path`, a folder or a file, says of a Worker.
    ///
    /// # Errors
    /// It is not understood, or says too little.
    pub(crate) fn read(path: &Path, given: &Given) -> Result<Self, ProjectError> {
        let (folder, mut file) = if path.is_dir() { folder_of(path)? } else { file_of(path) };
        if let Some(main) = &given.main {
            file.main = Some(std::path::absolute(main).map_err(ProjectError::unreadable(main))?);
        }
        let Some(main) = file.main.as_ref().map(|main| folder.join(main)) else {
            let reason = "it does not say which module is run: give `main` there, or --main".to_owned();
            return Err(ProjectError::Config { path: path.to_path_buf(), reason });
        };
        let name = match (&given.name, &file.name) {
            (Some(name), _) => name.clone(),
            (None, Some(name)) => name.parse().map_err(invalid)?,
            (None, None) => named_after(path)?,
        };
        let mut bindings = of_file(&file);
        given.bind(&mut bindings);
        if let Some(date) = &given.compatibility_date {
            file.compatibility_date = Some(date.clone());
        }
        file.compatibility_flags.extend(given.flags.iter().cloned());
        Ok(Self { name, folder, main, file, bindings })
    }

    /// The same with the secrets for development that lie in `.dev.vars` beside it: lines of `NAME=VALUE`.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(crate) fn with_local_secrets(mut self) -> Result<Self, ProjectError> {
        let path = self.folder.join(".dev.vars");
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(self),
            read => read.map_err(ProjectError::unreadable(&path))?,
        };
        for (name, value) in text.lines().filter_map(assignment) {
            self.bindings.retain(|other| other["name"] != name);
            self.bindings.push(json!({ "type": "secret_text", "name": name, "text": value }));
        }
        Ok(self)
    }

    /// Its modules, bundled if they have to be.
    ///
    /// # Errors
    /// Files that are missing, what cannot be bundled.
    pub(super) fn modules(&self) -> Result<Modules, ProjectError> {
        match follow(&self.main)? {
            Followed::Whole(modules) => Ok(modules),
            Followed::NeedsBundler(reason) => bundle(&self.main, &self.folder, reason),
        }
    }

    /// What the API is told of a version whose main module is `main`.
    pub(super) fn metadata(&self, main: &str, bindings: &[Value]) -> Value {
        let date = self.file.compatibility_date.as_deref().unwrap_or(COMPATIBILITY_DATE);
        let mut metadata = json!({
            "main_module": main, "bindings": bindings, "keep_bindings": ["secret_text"],
            "compatibility_date": date, "compatibility_flags": self.file.compatibility_flags,
        });
        if let Some(limits) = &self.file.limits {
            metadata["limits"] = limits.clone();
        }
        metadata
    }

    /// The queues that it gets messages of.
    pub(super) fn consumers(&self) -> &[Consumer] {
        &self.file.queues.consumers
    }

    /// Whether it may be reached by HTTP where the server has a door for that.
    pub(super) fn is_public(&self) -> bool {
        self.file.workers_dev.unwrap_or(true)
    }
}

impl Given {
    /// Adds bindings, in the place of those of their names.
    fn bind(&self, bindings: &mut Vec<Value>) {
        let vars =
            self.vars.iter().map(|(name, text)| json!({ "type": "plain_text", "name": name, "text": text }));
        let kv = self
            .kv
            .iter()
            .map(|(name, id)| json!({ "type": "kv_namespace", "name": name, "namespace_id": id }));
        let queues = self
            .queues
            .iter()
            .map(|(name, queue)| json!({ "type": "queue", "name": name, "queue_name": queue }));
        let senders = self.send_email.iter().map(|name| json!({ "type": "send_email", "name": name }));
        for binding in vars.chain(kv).chain(queues).chain(senders) {
            bindings.retain(|other| other["name"] != binding["name"]);
            bindings.push(binding);
        }
    }
}

/// A line of a file of variables; none for a comment.
fn assignment(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once('=').filter(|_| !line.trim_start().starts_with('#'))?;
    let (name, value) = (name.trim(), value.trim());
    let quoted = ['"', '\''].into_iter().find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote));
    Some((name.strip_prefix("export ").unwrap_or(name), quoted.unwrap_or(value)))
}

fn folder_of(path: &Path) -> Result<(PathBuf, WranglerFile), ProjectError> {
    let Some(file) = WranglerFile::find(path) else {
        let reason =
            "there is no wrangler.jsonc, wrangler.json or wrangler.toml; name the file of the code instead"
                .to_owned();
        return Err(ProjectError::Config { path: path.to_path_buf(), reason });
    };
    Ok((path.to_path_buf(), WranglerFile::read(&file)?))
}

fn file_of(path: &Path) -> (PathBuf, WranglerFile) {
    let folder = path.parent().unwrap_or(Path::new("")).to_path_buf();
    (folder, WranglerFile::of_main(path.file_name().map(PathBuf::from)))
}

/// A file `Some Worker.js` is the Worker `some-worker`; of `index.js` its folder's name is taken.
fn named_after(path: &Path) -> Result<ScriptName, ProjectError> {
    let whole = std::path::absolute(path).map_err(ProjectError::unreadable(path))?;
    let is_plain = |stem: &&str| !matches!(*stem, "index" | "main" | "worker");
    let stem = whole.file_stem().and_then(|stem| stem.to_str()).filter(is_plain);
    let name = stem.or_else(|| whole.parent()?.file_name()?.to_str()).unwrap_or_default();
    let name = name.to_ascii_lowercase().replace(|c: char| !c.is_ascii_alphanumeric() && c != '_', "-");
    name.trim_matches(['-', '_']).parse().map_err(invalid)
}

fn invalid(error: impl std::fmt::Display) -> ProjectError {
    ProjectError::Invalid(format!("{error}; say another with --name"))
}

/// The bindings of a configuration, as the API has them.
fn of_file(file: &WranglerFile) -> Vec<Value> {
    let vars = file.vars.iter().map(|(name, value)| match value {
        Value::String(text) => json!({ "type": "plain_text", "name": name, "text": text }),
        value => json!({ "type": "json", "name": name, "json": value }),
    });
    let kv = file.kv_namespaces.iter().map(|kv| {
        let id = kv.id.as_deref().unwrap_or_default();
        json!({ "type": "kv_namespace", "name": kv.binding, "namespace_id": id })
    });
    let queues = file.queues.producers.iter().map(|producer| {
        let mut binding = json!({ "type": "queue", "name": producer.binding, "queue_name": producer.queue });
        if let Some(delay) = producer.delivery_delay {
            binding["delivery_delay"] = delay.into();
        }
        binding
    });
    let senders = file.send_email.iter().map(|sender| {
        let mut binding: Map<String, Value> = sender.clone();
        binding.insert("type".to_owned(), "send_email".into());
        binding.remove("remote");
        Value::Object(binding)
    });
    let points = file.analytics_engine_datasets.iter().map(|points| {
        let dataset = points.dataset.as_ref().unwrap_or(&points.binding);
        json!({ "type": "analytics_engine", "name": points.binding, "dataset": dataset })
    });
    let version = file.version_metadata.iter();
    let version = version.map(|version| json!({ "type": "version_metadata", "name": version.binding }));
    vars.chain(kv).chain(queues).chain(senders).chain(points).chain(version).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_a_worker_that_has_its_name() {
        for (path, name) in [
            ("/a/Mail Sorter.js", "mail-sorter"),
            ("/a/auto_reply/index.mjs", "auto_reply"),
            ("/a/-b-.js", "b"),
        ] {
            assert_eq!(named_after(Path::new(path)).unwrap().as_str(), name);
        }
        assert!(
            named_after(Path::new("/index.js")).unwrap_err().to_string().ends_with("say another with --name")
        );
    }

    #[test]
    fn the_command_line_comes_before_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = r#"{ "name": "a", "main": "m.js", "vars": { "X": "1", "Y": 2 }, "send_email": [{ "name": "EMAIL", "remote": true }] }"#;
        fs::write(dir.path().join("wrangler.jsonc"), file).unwrap();
        fs::write(dir.path().join(".dev.vars"), "# none\nKEY = \"a=b\"\n").unwrap();
        let given = Given {
            vars: vec![("X".to_owned(), "3".to_owned())],
            flags: vec!["nodejs_compat".to_owned()],
            ..Given::default()
        };
        let project = Project::read(dir.path(), &given).unwrap().with_local_secrets().unwrap();
        let expected = json!([
            { "type": "json", "name": "Y", "json": 2 },
            { "type": "send_email", "name": "EMAIL" },
            { "type": "plain_text", "name": "X", "text": "3" },
            { "type": "secret_text", "name": "KEY", "text": "a=b" },
        ]);
        assert_eq!(Value::from(project.bindings.clone()), expected);
        let metadata = project.metadata("m.js", &project.bindings);
        assert_eq!(
            (&metadata["main_module"], &metadata["compatibility_flags"][0]),
            (&json!("m.js"), &json!("nodejs_compat"))
        );
    }

    #[test]
    fn what_says_too_little_says_what_is_missing() {
        let dir = tempfile::tempdir().unwrap();
        let error = Project::read(dir.path(), &Given::default()).unwrap_err().to_string();
        assert!(error.contains("there is no wrangler.jsonc"), "{error}");
        fs::write(dir.path().join("wrangler.toml"), "name = \"a\"").unwrap();
        let error = Project::read(dir.path(), &Given::default()).unwrap_err().to_string();
        assert!(error.contains("--main"), "{error}");
    }
}
