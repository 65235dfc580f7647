//! Bundling with esbuild, as `wrangler` does it.

use super::{
    ProjectError,
    modules::{self, Modules},
};
use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

/// What Node.js has and Workers with `nodejs_compat` have too, named by old packages without `node:`.
const NODE_MODULES: [&str; 16] = [
    "assert",
    "async_hooks",
    "buffer",
    "console",
    "crypto",
    "dns",
    "events",
    "net",
    "os",
    "path",
    "process",
    "querystring",
    "stream",
    "string_decoder",
    "url",
    "util",
];
/// What is no code: it is uploaded beside the bundle.
const BESIDE: [&str; 5] = [".wasm", ".txt", ".html", ".sql", ".bin"];
/// What the bundle is called.
const MAIN: &str = "index.js";

/// Bundles `main` and all that it imports; `reason` says why it has to be.
///
/// # Errors
/// There is no esbuild, or it found something wrong.
pub(super) fn bundle(main: &Path, folder: &Path, reason: String) -> Result<Modules, ProjectError> {
    let Some(esbuild) = esbuild(folder) else { return Err(ProjectError::NoBundler { reason }) };
    // It runs in the folder, for what the folder says of TypeScript.
    let main = std::path::absolute(main).map_err(ProjectError::unreadable(main))?;
    let out = tempfile::tempdir().map_err(ProjectError::unreadable(&env::temp_dir()))?;
    let mut command = Command::new(&esbuild);
    command.arg(&main).arg(format!("--outdir={}", out.path().display()));
    command.args(["--entry-names=index", "--asset-names=[name]-[hash]", "--log-level=warning"]);
    command.args(["--bundle", "--format=esm", "--target=es2024", "--keep-names", "--loader:.js=jsx"]);
    command.args(["--conditions=workerd,worker,browser", "--define:process.env.NODE_ENV=\"production\""]);
    command.args(["--external:cloudflare:*", "--external:node:*", "--external:workerd:*"]);
    command.args(BESIDE.map(|extension| format!("--loader:{extension}=copy")));
    command.args(NODE_MODULES.map(|name| format!("--alias:{name}=node:{name}")));
    let done = command.current_dir(folder).output().map_err(ProjectError::unreadable(&esbuild))?;
    if !done.status.success() {
        let said = String::from_utf8_lossy(&done.stderr).trim().to_owned();
        return Err(ProjectError::Bundle { main, said });
    }
    modules::of_folder(out.path(), MAIN)
}

/// The esbuild of the Worker's own packages, or of those around it or around us.
fn esbuild(folder: &Path) -> Option<PathBuf> {
    let folder = std::path::absolute(folder).ok()?;
    let here = env::current_dir().ok();
    let folders = folder.ancestors().chain(here.as_deref());
    folders.map(|folder| folder.join("node_modules/.bin/esbuild")).find(|file| file.is_file())
}
