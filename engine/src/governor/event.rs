//! What a governor does by itself. Whatever begins also ends, and both are told.

use crate::{class::TenantName, time::UnixMillis};
use serde::Serialize;
use std::fmt;

/// One automatic action.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GovernorEvent {
    /// When.
    pub at: UnixMillis,
    /// What.
    pub what: Happening,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "action")]
pub enum Happening {
    /// A rule has counted enough and acts.
    RuleFired {
        /// Its name.
        rule: String,
        /// What it does, in words.
        does: String,
        /// Until when at least; then it ends or recovers step by step.
        until: UnixMillis,
        /// The reply that was one too many.
        cause: String,
    },
    /// A rule that acts takes one step back.
    RuleEased {
        /// Its name.
        rule: String,
        /// What holds now, in words.
        does: String,
    },
    /// A rule acts no more.
    RuleEnded {
        /// Its name.
        rule: String,
        /// How many times it fired meanwhile.
        times: u32,
    },
    /// A rule keeps a tenant's mail away from the site.
    SuspendTenant {
        /// The rule's name.
        rule: String,
        /// Whose mail.
        tenant: TenantName,
        /// Until when.
        until: UnixMillis,
        /// The reply that was one too many.
        cause: String,
    },
    /// A rule keeps the source away from all sites of the provider.
    SuspendSource {
        /// The rule's name.
        rule: String,
        /// Until when.
        until: UnixMillis,
        /// The reply that was one too many.
        cause: String,
    },
    /// The destination counts as dead.
    BreakerOpened {
        /// Until when nothing is tried.
        until: UnixMillis,
        /// The last failure.
        cause: String,
    },
    /// One connection finds out whether the destination is back.
    BreakerProbing,
    /// The destination is back.
    BreakerClosed,
    /// The site refuses more connections than this.
    CapLearned {
        /// How many it allows.
        connections: u32,
        /// What it said.
        cause: String,
    },
    /// One more connection is tried.
    CapRelaxed {
        /// How many are allowed now.
        connections: u32,
    },
    /// The site seems to have no such limit any more.
    CapLifted,
    /// Sessions carry no more messages than this.
    SessionsShortened {
        /// How many.
        messages: u32,
        /// What the site does to longer ones.
        cause: String,
    },
    /// Sessions are as long as configured again.
    SessionsFreed,
}

impl Happening {
    /// A bounded label for metrics.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::RuleFired { .. } => "rule_fired",
            Self::RuleEased { .. } => "rule_eased",
            Self::RuleEnded { .. } => "rule_ended",
            Self::SuspendTenant { .. } => "suspend_tenant",
            Self::SuspendSource { .. } => "suspend_source",
            Self::BreakerOpened { .. } => "breaker_opened",
            Self::BreakerProbing => "breaker_probing",
            Self::BreakerClosed => "breaker_closed",
            Self::CapLearned { .. } => "cap_learned",
            Self::CapRelaxed { .. } => "cap_relaxed",
            Self::CapLifted => "cap_lifted",
            Self::SessionsShortened { .. } => "sessions_shortened",
            Self::SessionsFreed => "sessions_freed",
        }
    }

    /// What made it happen, if it was not the clock.
    pub fn cause(&self) -> &str {
        match self {
            Self::RuleFired { cause, .. }
            | Self::SuspendTenant { cause, .. }
            | Self::SuspendSource { cause, .. }
            | Self::BreakerOpened { cause, .. }
            | Self::CapLearned { cause, .. }
            | Self::SessionsShortened { cause, .. } => cause,
            Self::BreakerClosed => "a connection worked",
            _ => "time passed without another refusal",
        }
    }

    /// Until when it holds, for what begins.
    pub const fn until(&self) -> Option<UnixMillis> {
        match self {
            Self::RuleFired { until, .. }
            | Self::SuspendTenant { until, .. }
            | Self::SuspendSource { until, .. }
            | Self::BreakerOpened { until, .. } => Some(*until),
            _ => None,
        }
    }
}

impl fmt::Display for Happening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RuleFired { rule, does, until, .. } => write!(f, "rule {rule}: {does} until {until}"),
            Self::RuleEased { rule, does } => write!(f, "rule {rule} eases: {does}"),
            Self::RuleEnded { rule, times } => write!(f, "rule {rule} ends after firing {times} times"),
            Self::SuspendTenant { rule, tenant, until, .. } => {
                write!(f, "rule {rule}: no mail of {tenant} until {until}")
            }
            Self::SuspendSource { rule, until, .. } => {
                write!(f, "rule {rule}: nothing from this source to the provider until {until}")
            }
            Self::BreakerOpened { until, .. } => write!(f, "dead: nothing is tried until {until}"),
            Self::BreakerProbing => f.write_str("one connection finds out whether the destination is back"),
            Self::BreakerClosed => f.write_str("the destination is back"),
            Self::CapLearned { connections, .. } => write!(f, "no more than {connections} connections"),
            Self::CapRelaxed { connections } => write!(f, "trying {connections} connections"),
            Self::CapLifted => f.write_str("the learnt limit of connections is lifted"),
            Self::SessionsShortened { messages, .. } => {
                write!(f, "no more than {messages} messages a connection")
            }
            Self::SessionsFreed => f.write_str("connections carry as many messages as configured again"),
        }
    }
}

impl fmt::Display for GovernorEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.what.fmt(f)
    }
}
