//! Notes what the program is compiled by and for: nothing that differs between two builds of the same source by the
//! same compiler.

use std::{env, process::Command};

fn main() {
    let compiler = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let said = Command::new(compiler).arg("--version").output();
    let version = said.ok().and_then(|said| String::from_utf8(said.stdout).ok()).unwrap_or_default();
    // "rustc 1.95.0 (59807616e 2026-04-14)"
    let number = version.split_whitespace().nth(1).unwrap_or("unknown");
    let target = env::var("TARGET").unwrap_or_else(|_| "unknown".to_owned());
    set("MAILWRIGHT_RUSTC", number);
    set("MAILWRIGHT_TARGET", &target);
    // A file that is new in a folder that becomes part of the binary is noticed, too.
    for path in ["build.rs", "../docs", "../config", "../dashboard/dist"] {
        tell(&format!("cargo:rerun-if-changed={path}"));
    }
}

fn set(name: &str, value: &str) {
    tell(&format!("cargo:rustc-env={name}={value}"));
}

/// Cargo listens to what a build script prints.
#[allow(clippy::print_stdout)]
fn tell(what: &str) {
    println!("{what}");
}
