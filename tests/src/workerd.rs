//! The runtime of Workers, of the packages of `tests/js/package.json`.

use std::path::{Path, PathBuf};

/// Where the program is.
#[must_use]
pub fn binary() -> PathBuf {
    let package = format!("js/node_modules/@cloudflare/workerd-{}/bin/workerd", platform());
    Path::new(env!("CARGO_MANIFEST_DIR")).join(package)
}

fn platform() -> &'static str {
    if cfg!(target_arch = "aarch64") { "linux-arm64" } else { "linux-64" }
}

/// The folder whose packages it is of.
#[must_use]
pub fn packages() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("js")
}
