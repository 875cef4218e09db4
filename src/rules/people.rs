//! Who may override, when an agent's days differ, and how floods are met.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};

use super::hours::DayInterval;
use crate::ids::{BrandId, SupervisorId};

/// Somebody who may send everything to the operator line. Codes are kept hashed, apart from the rules.
/// Source: DESIGN.md section 8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Supervisor {
    /// Lower-case letters, digits and dashes, at most 40.
    pub id: SupervisorId,
    /// Shown in the history and spoken back.
    pub name: String,
    /// Who this is in Chatwoot, if they have a user there.
    pub chatwoot_user_id: Option<i64>,
    /// The brands; all, if empty. Every one exists.
    pub brands: Vec<BrandId>,
}

/// One date on which an agent's shift is another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ShiftDay {
    /// Which, in the agent's zone.
    pub on: NaiveDate,
    /// When they work instead; empty means not at all.
    pub hours: Vec<DayInterval>,
}

/// A time in which an agent does not work, whatever the shift says.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Absence {
    /// From.
    pub from: DateTime<Utc>,
    /// Until; not included.
    pub until: DateTime<Utc>,
    /// Why, for people; at most 80 characters.
    pub reason: Option<String>,
}

/// How floods of calls are met; for all brands. Source: THREATS.md T-04.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Floods {
    /// Calls of one number within `window` that ring agents; the next takes the fallback path. 1 to 100.
    pub calls_per_caller: u32,
    /// Calls of all withheld numbers within `window` that ring agents, for each brand. 1 to 1000.
    pub calls_withheld: u32,
    /// Over so long calls are counted; 60 to 3600 s.
    pub window: Duration,
    /// In a declared flood, whether callers who are no contact have to press a key first.
    pub challenge: bool,
    /// In a declared flood, calls of one number within `window` that ring agents. 1 to 100.
    pub calls_per_caller_declared: u32,
}

impl Default for Floods {
    fn default() -> Self {
        Self {
            calls_per_caller: 2,
            calls_withheld: 10,
            window: Duration::from_mins(10),
            challenge: true,
            calls_per_caller_declared: 1,
        }
    }
}

/// When an agent who keeps missing calls is put aside. Source: DESIGN.md section 3, "Misses and the pause".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pausing {
    /// Misses in a row after which the system pauses an agent; 0 never does. At most 20.
    pub after_misses: u32,
    /// For so long; 60 to 86400 s.
    pub span: Duration,
}

impl Default for Pausing {
    fn default() -> Self {
        Self { after_misses: 3, span: Duration::from_mins(15) }
    }
}

/// What the brand promises a caller whom nobody answered. Source: DESIGN.md section 5, "Callback tasks".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promise {
    /// When the call back is due, on the brand's calendar.
    pub due: PromiseDue,
    /// Whether it is spoken after the greeting of the fallback path.
    pub spoken: bool,
}

/// When a call back is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PromiseDue {
    /// So much open time later; 60 s to 72 h.
    WithinOpen(Duration),
    /// At that minute of the next day on which the brand opens, in its zone; below 1440.
    NextBusinessDay { minute: u16 },
}
