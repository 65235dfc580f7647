//! The tool by which people upload Workers, wrangler, with nothing of its world changed but where the API is.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::{env, fs};

use serde_json::Value;
use tempfile::TempDir;

use crate::error::{Context, Error, Result};
use crate::http::Api;

/// A folder with a Worker in it, and whose it is.
#[derive(Debug)]
pub struct Wrangler {
    folder: TempDir,
    base: String,
    token: String,
    account: String,
}

impl Wrangler {
    /// Makes a folder with this configuration (`wrangler.json`) for an account of a server.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be written.
    pub fn new(api: &Api, config: &Value) -> Result<Self> {
        let folder = tempfile::tempdir().context("make a folder for a Worker")?;
        let (base, account) = (api.base_url(), &api.account);
        let made = Self { folder, base, token: account.token.clone(), account: account.account_id.clone() };
        made.write("wrangler.json", &config.to_string())?;
        Ok(made)
    }

    /// Writes a file in the folder.
    ///
    /// # Errors
    /// [`Error::Io`] if that cannot be done.
    pub fn write(&self, name: &str, content: &str) -> Result<()> {
        fs::write(self.folder.path().join(name), content).context(format!("write {name}"))
    }

    /// Runs a command and returns what it said to the one who asked for its result.
    ///
    /// # Errors
    /// [`Error::Unexpected`] with all that it said if it fails.
    pub fn run(&self, args: &[&str]) -> Result<String> {
        self.run_with(args, "")
    }

    /// Runs a command that is told `input`.
    ///
    /// # Errors
    /// As of [`Self::run`].
    pub fn run_with(&self, args: &[&str], input: &str) -> Result<String> {
        let (succeeded, said, all) = self.try_run(args, input)?;
        if succeeded { Ok(said) } else { Err(Error::unexpected(format!("wrangler {args:?}"), all)) }
    }

    /// Runs a command that is to fail, and returns all that it said.
    ///
    /// # Errors
    /// [`Error::Unexpected`] if it does not.
    pub fn fail(&self, args: &[&str]) -> Result<String> {
        let (succeeded, _, all) = self.try_run(args, "")?;
        if succeeded { Err(Error::unexpected(format!("wrangler {args:?}"), all)) } else { Ok(all) }
    }

    fn try_run(&self, args: &[&str], input: &str) -> Result<(bool, String, String)> {
        let mut child = self.command(args).spawn().context("start wrangler")?;
        if let Some(mut stdin) = child.stdin.take() {
            // One that does not listen has said why.
            let _ = stdin.write_all(input.as_bytes());
        }
        let output = child.wait_with_output().context("run wrangler")?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let all = format!("{said}\n{}", String::from_utf8_lossy(&output.stderr));
        Ok((output.status.success(), said, all))
    }

    /// The command, for whoever lives with it while it runs.
    #[must_use]
    pub fn command(&self, args: &[&str]) -> Command {
        let tool = Path::new(env!("CARGO_MANIFEST_DIR")).join("js/node_modules/wrangler/bin/wrangler.js");
        let mut command = Command::new("node");
        command.arg(tool).args(args).current_dir(self.folder.path()).env_clear();
        for (name, value) in [
            ("PATH", env::var("PATH").unwrap_or_default().as_str()),
            ("HOME", &self.folder.path().to_string_lossy()),
            ("WRANGLER_LOG_PATH", &self.folder.path().join("log").to_string_lossy()),
            ("WRANGLER_SEND_METRICS", "false"),
            // It asks there whether there is a newer wrangler.
            ("npm_config_registry", "http://127.0.0.1:1/"),
            ("CI", "1"),
            ("NO_COLOR", "1"),
            ("CLOUDFLARE_API_BASE_URL", &format!("{}/client/v4", self.base.trim_end_matches("/client/v4"))),
            ("CLOUDFLARE_API_TOKEN", &self.token),
            ("CLOUDFLARE_ACCOUNT_ID", &self.account),
        ] {
            command.env(name, value);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}
