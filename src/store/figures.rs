//! What is counted over all rows, for the gauges.

use chrono::{DateTime, Utc};

/// What there is of everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    /// Calls of the last day that have not ended.
    pub calls_live: u32,
    /// Legs the carrier may hold.
    pub legs_live: u32,
    /// Effects that wait for the carrier, and for which somebody waits.
    pub carrier: Waiting,
    /// The same for Chatwoot.
    pub inbox: Waiting,
    /// Effects that were given up.
    pub dead: Waiting,
}

/// How many effects, and when the oldest was decided.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Waiting {
    /// How many.
    pub count: u32,
    /// None if there is none.
    pub oldest: Option<DateTime<Utc>>,
}
