//! Limits: how many recipients an account may send to in a second, an hour and a day.
//!
//! What is counted is recipients of accepted messages: by account, by sending domain, by token, and by address for
//! each account. A message is accepted within all of its limits, or refused and counted nowhere.
//!
//! - The **day** is a day of UTC, so that a quota begins anew when everybody expects it to.
//! - **Second** and **hour** slide, in slots of 50 ms and of a minute. A window is one slot longer than its name says,
//!   so that no second and no hour, wherever it begins, ever holds more than the limit. The price is that room comes
//!   back up to a slot later than it could.
//!
//! A new account may be held to a [ramp](LimitsOf::ramp): quotas for the first, second, third … day on which it sends.

mod counter;
mod counts;
mod rates;
mod refusal;

pub use counter::{Counter, Used};
pub use counts::{CountKey, Counted, Counts, Demand, LimitsOf};
pub use rates::{Rates, Scope, Window};
pub use refusal::Refusal;

#[cfg(test)]
mod tests;
