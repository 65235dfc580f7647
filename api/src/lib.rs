//! The HTTP API: the service's routes and envelopes, health and metrics.
//!
//! [`server`] starts it, [`auth`] says who asks, `body` reads bodies within bounds, [`request`] turns them into
//! the engine's model, [`send`] hands messages to intake and reports what became of them, [`answer`] is the form
//! of every answer.

pub mod answer;
pub mod auth;
mod body;
pub mod delivery;
mod health;
mod patient;
mod prefer;
pub mod request;
pub mod send;
pub mod server;

pub use server::{ApiParts, ApiSettings, AppState, MAX_CONNECTIONS, serve, serve_control};
