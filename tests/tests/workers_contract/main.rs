//! What a Worker is told of a message, what it may do with it, and what it hears when it may not: one Worker
//! (`tests/workers/contract.mjs`) that does what a field of each message asks for.

mod bindings;
mod forms;
mod message;
mod replies;
mod sending;
mod world;
