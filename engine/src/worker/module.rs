//! What a Worker is made of.

use serde::{Deserialize, Serialize};

/// A module as it was uploaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Module {
    /// The name by which others import it.
    pub name: String,
    /// How it is read.
    pub kind: ModuleKind,
    /// Its octets.
    pub content: Vec<u8>,
}

/// How a module is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ModuleKind {
    /// An ES module (`application/javascript+module`).
    EsModule,
    /// A CommonJS module (`application/javascript`).
    CommonJs,
    /// WebAssembly (`application/wasm`).
    Wasm,
    /// Text (`text/plain`).
    Text,
    /// Octets (`application/octet-stream`).
    Data,
    /// JSON (`application/json`).
    Json,
}

/// What a Worker may take beside what the server allows anyway; the smaller holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Milliseconds of processor time for one event.
    pub cpu_ms: Option<u32>,
}
