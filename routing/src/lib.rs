//! Mail from the world: who may hand it in, what it is judged by, and what becomes of it.
//!
//! Clients of the listeners in `mailwright-actors` come through the [`gate`] to [`inbound`], which asks the [`reception`]
//! what each recipient is for ([`addressee`]). [`return_path`] acts on what comes back of mail that was sent; the
//! [`pipeline`] has mail for zones with routing judged ([`authentication`], [`spam`], filters of others by [`milter`]) and
//! go where their rules or Workers say, with what waits for a Worker ([`held`]) and what Workers did ([`runs`]). [`reports`] takes and sends reports by DMARC and about TLS. The [`policy_host`] tells the
//! world how safely that mail is to be brought, with certificates that [`acme`] gets.

pub mod acme;
pub mod addressee;
pub mod authentication;
pub mod gate;
pub mod held;
pub mod inbound;
pub mod metrics;
pub mod milter;
pub mod pipeline;
pub mod policy_host;
pub mod reception;
pub mod reports;
pub mod return_path;
pub mod runs;
pub mod spam;
