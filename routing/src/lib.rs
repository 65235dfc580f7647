//! Mail from the world: who may hand it in, what it is judged by, and what becomes of it.
//!
//! Clients of the listeners in `mailwright-actors` come through the [`gate`] to [`inbound`], which asks the [`reception`]
//! what each recipient is for ([`addressee`]). [`return_path`] acts on what comes back of mail that was sent; the
//! [`pipeline`] has mail for zones with routing judged ([`authentication`]) and go where their rules say.
//! The [`policy_host`] tells the world how safely that mail is to be brought, with certificates that [`acme`] gets.
//! [`reports`] takes and sends reports by DMARC and about TLS.

pub mod acme;
pub mod addressee;
pub mod authentication;
pub mod gate;
pub mod inbound;
pub mod metrics;
pub mod pipeline;
pub mod policy_host;
pub mod reception;
pub mod reports;
pub mod return_path;
