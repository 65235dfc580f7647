//! What the API says of itself holds, and nothing that is asked of it is answered with a fault of ours or another's secret.

mod described;
mod nonsense;
mod others;
mod races;
mod world;
