//! Workers as they lie on this machine: what a folder or a file says of one, its modules, and how it gets to the server.

mod bundle;
mod imports;
mod jsonc;
mod modules;
mod project;
mod upload;
mod wrangler_file;

pub(crate) use project::{Given, Project};
pub(crate) use upload::{Deployed, Missing, deploy, queue};

use std::path::PathBuf;

/// The version of the npm package `workerd` that `mailwright worker setup` installs.
pub(crate) const RUNTIME_VERSION: &str = "1.20260426.1";
/// What holds for code that names no date: the newest that this version knows.
const COMPATIBILITY_DATE: &str = "2026-04-26";

/// Why a Worker cannot be read from this machine's disk.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProjectError {
    #[error("{}: {source}", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{}: {reason}", path.display())]
    Config { path: PathBuf, reason: String },
    #[error(
        "{reason}, so it must be bundled, and there is no esbuild in node_modules: `npm install --save-dev esbuild`, or deploy it with \
         `npx wrangler deploy`"
    )]
    NoBundler { reason: String },
    #[error("esbuild could not bundle {}:\n{said}", main.display())]
    Bundle { main: PathBuf, said: String },
    #[error("{0}")]
    Invalid(String),
}

impl ProjectError {
    fn unreadable(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        |source| Self::Unreadable { path, source }
    }
}
