//! The HTTP API: the service's routes and envelopes, health and metrics.
//!
//! [`server`] starts it, `access` says who asks and what they may, `body` reads bodies within bounds, [`request`]
//! turns them into the engine's model, [`send`] hands messages to intake and reports what became of them, `manage` is
//! for accounts, zones, tokens and sending domains, `routing` for destination addresses, `scheduled` for messages that go later, `workers` for
//! people's own code, `graphql` for analytics, `dashboard` and `docs` are pages for people, [`answer`] is the form of every
//! answer, [`openapi`] describes them all.

mod access;
mod activity;
pub mod answer;
mod auth;
mod body;
mod dashboard;
pub mod delivery;
mod digest;
mod docs;
mod embedded;
mod graphql;
pub mod health;
mod html;
mod inbox;
mod manage;
pub mod openapi;
mod page;
mod patient;
mod prefer;
pub mod request;
mod routing;
mod scheduled;
pub mod send;
mod served;
pub mod server;
mod suppressions;
mod time;
mod unsubscribe;
mod webhooks;
mod workers;

pub use routing::VerificationSettings;
pub use send::WorkerMailer;
pub use served::{RequestFeed, ServedRequest};
pub use server::{ApiParts, ApiSettings, AppState, MAX_CONNECTIONS, SendingSettings, serve, serve_control};
