//! Running what guides tell people to type: their code blocks, word for word but for addresses.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use mailwright_tests::error::{Context, Error, Result};
use mailwright_tests::python;
use mailwright_tests::server::{Dev, mailwright};
use tempfile::TempDir;

use crate::site::repository;

/// What commands find in their environment.
pub(crate) type Variables = BTreeMap<String, String>;

/// A guide, and the folder in which its commands run.
pub(crate) struct Guide {
    text: String,
    folder: TempDir,
    http: String,
    smtp: String,
}

/// What the guides call a server's account, with `prefix` before each name.
pub(crate) fn variables(dev: &Dev, prefix: &str) -> Variables {
    let account = &dev.api.account;
    let values = [
        ("BASE", dev.api.base_url()),
        ("ACCOUNT", account.account_id.clone()),
        ("ZONE", account.zone_id.clone()),
        ("TOKEN", account.token.clone()),
    ];
    values.into_iter().map(|(name, value)| (format!("{prefix}{name}"), value)).collect()
}

impl Guide {
    /// Reads `docs/<name>`, for commands against a server.
    pub(crate) fn read(name: &str, dev: &Dev) -> Result<Self> {
        let text = fs::read_to_string(repository().join("docs").join(name)).context(name)?;
        let folder = TempDir::new().context("make a folder for a guide")?;
        let packages = Path::new(env!("CARGO_MANIFEST_DIR")).join("js/node_modules");
        symlink(dev.state(), folder.path().join("state")).context("link the state folder")?;
        symlink(packages, folder.path().join("node_modules")).context("link the packages")?;
        let built = folder.path().join("target/release");
        fs::create_dir_all(&built).context("make a folder for the binary")?;
        symlink(mailwright().get_program(), built.join("mailwright")).context("link the binary")?;
        Ok(Self { text, folder, http: dev.server.http.to_string(), smtp: dev.server.smtp.to_string() })
    }

    /// Runs the shell's blocks under a heading but for those that begin with one of `but`; returns what they print.
    pub(crate) fn run_shell(&self, heading: &str, but: &[&str], variables: &Variables) -> Result<String> {
        let blocks = self.blocks(heading, "sh")?;
        let blocks: Vec<_> =
            blocks.into_iter().filter(|block| !but.iter().any(|but| block.starts_with(but))).collect();
        let swaks = repository().join("target/receivers/usr/bin");
        let path = format!("{}:{}", std::env::var("PATH").unwrap_or_default(), swaks.display());
        let mut command = Command::new("bash");
        command.args(["-euo", "pipefail", "-c", &blocks.join("\n")]).env("PATH", path);
        self.run(heading, &mut command, variables)
    }

    /// Runs the Python under a heading.
    pub(crate) fn run_python(&self, heading: &str, variables: &Variables) -> Result<String> {
        let blocks = self.blocks(heading, "python")?;
        self.run(heading, Command::new(python::interpreter()).args(["-c", &blocks.join("\n")]), variables)
    }

    /// Runs the JavaScript under a heading.
    pub(crate) fn run_javascript(&self, heading: &str, variables: &Variables) -> Result<String> {
        let script = self.folder.path().join("script.mjs");
        fs::write(&script, self.blocks(heading, "js")?.join("\n")).context("write a guide's script")?;
        self.run(heading, Command::new("node").arg("script.mjs"), variables)
    }

    /// The blocks of a language under a heading, with the server's own addresses.
    fn blocks(&self, heading: &str, language: &str) -> Result<Vec<String>> {
        let heading = format!("\n## {heading}\n");
        let (_, after) =
            self.text.split_once(&heading).ok_or_else(|| Error::unexpected(&heading, "not there"))?;
        let under = after.split("\n## ").next().unwrap_or_default();
        let blocks = under.split("\n```").skip(1).step_by(2);
        let wanted = blocks.filter_map(|block| block.strip_prefix(&format!("{language}\n")));
        let blocks: Vec<String> = wanted.map(|block| self.addressed(block)).collect();
        if blocks.is_empty() {
            Err(Error::unexpected(&heading, format!("no {language}")))
        } else {
            Ok(blocks)
        }
    }

    fn addressed(&self, block: &str) -> String {
        let smtp = self.smtp.replace(':', "\", ");
        block
            .replace("127.0.0.1:8787", &self.http)
            .replace("127.0.0.1:2525", &self.smtp)
            .replace("127.0.0.1\", 2525", &smtp)
    }

    fn run(&self, heading: &str, command: &mut Command, variables: &Variables) -> Result<String> {
        let output = command.current_dir(self.folder.path()).envs(variables).output().context(heading)?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        if output.status.success() {
            Ok(said)
        } else {
            Err(Error::unexpected(heading, format!("{}\n{said}\n{errors}", output.status)))
        }
    }
}
