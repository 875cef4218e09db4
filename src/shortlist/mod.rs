//! Who rings, in which order, and why not the others.
//!
//! A pure function of rules, facts and the call. The same function serves live calls, the simulator and the replay.
//! Work and memory grow with the roster and no faster; an agent who may not ring costs no allocation.
//!
//! Example: of four agents one talks, and two ring at a time. [`take_shortlist`] gives two in `ring`, one in `later`,
//! and a record that says of the fourth `on_call`.

mod eligible;
pub mod explain;
pub mod facts;
mod line_up;
mod members;
mod order;
mod pausing;
mod record;
mod sharing;
pub mod snapshot;

use chrono::{DateTime, Utc};

pub use eligible::{Candidate, PRESENCE_HOLDS, find_reason, is_available, is_explicitly_off, is_paused, is_staffing};
pub use line_up::{take_full_shortlist, take_shortlist};
pub use members::members;
pub use order::{Standing, sort_by_turn};
pub use pausing::{AVAILABLE_MIN, Miss, find_staying, find_staying_at, judge_miss, others_of};
pub use record::{Counted, LISTED_MAX, Listed, NotEligible, Place, ShortlistRecord};
pub use sharing::{waves_begun, width_at};

use crate::ids::{AgentId, CallId};
use crate::rules::{Brand, DestinationPolicy, Intent, Rules};
use facts::{AgentFacts, WaitingCall};

/// What one agent already had to do with the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Earlier {
    /// Nothing, or nothing that speaks against asking.
    Nothing,
    /// The phone rings for this call, or is about to.
    Rings,
    /// Was offered this call and is not asked again.
    Offered,
    /// The phone is still held by an earlier leg of this very call, and will come free.
    StillHeld,
}

/// Rules published after the call arrived.
#[derive(Debug, Clone, Copy)]
pub struct InForce<'a> {
    /// Their version.
    pub version: u32,
    /// The rules, of which rosters and phones are read.
    pub rules: &'a Rules,
}

/// What a shortlist is taken from.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The rules of the call.
    pub rules: &'a Rules,
    /// Their version, for the record.
    pub rules_version: u32,
    /// The rules in force now, if they are others: roster and phones are facts of this instant.
    pub in_force: Option<InForce<'a>>,
    /// Where outbound legs may go.
    pub destinations: &'a DestinationPolicy,
    /// Its brand.
    pub brand: &'a Brand,
    /// What the caller calls about, if that is known.
    pub intent: Option<&'a Intent>,
    /// Facts about the [`members`], best in their order; members without facts count as unavailable.
    pub facts: &'a [AgentFacts],
    /// When the call arrived: shifts are read at that instant.
    pub arrived_at: DateTime<Utc>,
    /// Now.
    pub at: DateTime<Utc>,
    /// How many may ring at this instant, those ringing already included.
    pub width: u32,
    /// How many ring already.
    pub ringing: u32,
    /// Which call it is; none for a question that no call asks.
    pub call: Option<CallId>,
    /// Calls that want phones now, of any brand; the call itself may be among them.
    pub waiting: &'a [WaitingCall],
}

impl Question<'_> {
    /// How many more may ring at this instant.
    fn room(&self) -> usize {
        usize::try_from(self.width.saturating_sub(self.ringing)).unwrap_or(usize::MAX)
    }
}

/// Who rings now and what to hope for.
#[derive(Debug, Clone, PartialEq)]
pub struct Shortlist {
    /// Those to ring now, in order.
    pub ring: Vec<AgentId>,
    /// Those eligible whose wave has not come, or whose phone is left to another call, in order.
    pub later: Vec<AgentId>,
    /// Those of `later` whom open conversations push back: an offer that goes to others takes a place off.
    pub passed_over: Vec<AgentId>,
    /// Whether somebody who has not been asked may come free soon.
    pub is_hopeful: bool,
    /// When the first of those who rest or are put aside may ring again by themselves.
    pub next_free_at: Option<DateTime<Utc>>,
    /// Why, agent by agent.
    pub record: ShortlistRecord,
}

#[cfg(test)]
mod generated;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod sharing_floor;
#[cfg(test)]
mod sharing_properties;
#[cfg(test)]
mod sharing_tests;
#[cfg(test)]
mod tests;
