//! People's own code that decides about mail: what a Worker is made of, what it may use, and what it is told of a message.
//!
//! The words are those of the tool that uploads Workers (`wrangler`): a [`ScriptName`] has versions, each of them
//! [`Module`]s, [`Binding`]s and [`Limits`].

mod binding;
mod event;
mod module;
mod name;
mod reply;

pub use binding::{Binding, BindingKind, SendRules};
pub use event::{ActionError, EmailEvent, Forward, event_headers};
pub use module::{Limits, Module, ModuleKind};
pub use name::{InvalidScriptName, ScriptName};
pub use reply::{Answered, MAX_REFERENCES, Reply, check_reply};
