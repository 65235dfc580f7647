//! The governor of a site: how fast and how wide mail may flow to it now, and why.

pub mod bucket;
