//! A Worker that means harm gains nothing and costs nobody but itself: `tests/workers/hostile.mjs`, and beside it an honest
//! one whose mail must flow all the while.

mod exhaust;
mod forge;
mod reach;
mod world;
