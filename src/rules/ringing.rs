//! How phones are rung: the words of the settings and of the routing file.

use serde::{Deserialize, Serialize};

/// How a call's phones are rung. Source: DESIGN.md section 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RingMethod {
    /// `Legs` while the account's pace starts the wave in time, else `Dial` where that is known to be safe.
    #[default]
    Auto,
    /// One outbound call a phone; the caller waits in a queue.
    Legs,
    /// One document that rings up to ten numbers.
    Dial,
}

/// When a document that rings several numbers stops ringing the others. A live test of the account finds out.
///
/// Source: DESIGN.md section 4, contract twilio.md section 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DialStopsAt {
    /// Nobody has tried: treated as `Answer`.
    #[default]
    Unknown,
    /// As soon as one phone answers, though nobody has accepted.
    Answer,
    /// When somebody accepts.
    Accept,
}

impl DialStopsAt {
    /// Whether `auto` may choose `dial`: only where a live test recorded that ringing stops at the accept.
    #[must_use]
    pub fn lets_auto_dial(self) -> bool {
        self == Self::Accept
    }
}
