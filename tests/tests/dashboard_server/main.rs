//! What the dashboard needs of the server, asked for over HTTP as a browser does: its files, sessions in place of tokens, what
//! is in messages, the sandbox's inbox, and what operators see.

mod contents;
mod inbox;
mod operators;
mod pages;
mod sessions;
mod world;
