//! A leg: the connection to one agent's phone, and how far it came.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::event::{LegEnd, RingMethod};
use crate::ids::{AgentId, CarrierRef};
use crate::phone_number::PhoneNumber;

/// The connection to one agent's phone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Leg {
    /// From 1 within the call.
    pub number: u32,
    /// Whose phone.
    pub agent: AgentId,
    /// Which phone.
    pub phone: PhoneNumber,
    /// What the carrier calls it, once known.
    pub carrier_ref: Option<CarrierRef>,
    /// The simultaneous dial it belongs to; 0 under `legs`.
    pub round: u32,
    /// When the phone was promised to this call.
    pub offered_at: DateTime<Utc>,
    /// When it stops ringing by itself.
    pub give_up_at: DateTime<Utc>,
    /// Whether the agent dialled the brand by themselves, so that nothing was offered that could be missed.
    #[serde(default)]
    pub called_in: bool,
    /// How far it came.
    pub progress: LegProgress,
    /// When the carrier was known to have taken it; none also of legs stored before this was kept.
    #[serde(default)]
    pub placed_at: Option<DateTime<Utc>>,
    /// When it rang; never later than `answered_at`.
    pub rang_at: Option<DateTime<Utc>>,
    /// When it was picked up.
    pub answered_at: Option<DateTime<Utc>>,
    /// How it ended, once decided.
    pub end: Option<LegEnd>,
    /// Whether the carrier may still hold the phone; the agent is rung by nobody else meanwhile.
    pub live: bool,
    /// When the carrier was last asked about it.
    pub checked_at: Option<DateTime<Utc>>,
    /// Whether the account carried no more legs when the carrier was asked for it, so that the phone never rang.
    #[serde(default)]
    pub not_carried: bool,
}

/// A phone rings within so long after the carrier took the leg. Source: contract twilio.md section 11.
const RINGS_WITHIN: TimeDelta = TimeDelta::seconds(8);

impl Leg {
    /// Since when the phone rings, as far as is known: by the carrier's word, or by when it rang at the latest, should
    /// that word be lost. None of a phone that has not rung by `now`.
    ///
    /// Under a simultaneous dial the carrier rings every phone as soon as it has the document.
    #[must_use]
    pub fn ringing_since(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let by_placing = self.placed_at.map(|at| at + RINGS_WITHIN);
        let by_document = (self.round > 0).then_some(self.offered_at);
        self.rang_at.or(self.answered_at).or(by_document).or(by_placing).filter(|at| *at <= now)
    }

    /// Whether the call may be offered to this agent once more, as far as this leg tells; `method` is how the call rings
    /// phones now.
    #[must_use]
    pub fn may_be_asked_again(&self, method: RingMethod) -> bool {
        match self.end {
            None => false,
            Some(LegEnd::LostRace | LegEnd::CallerLeft) => true,
            // The account was full, which says nothing about the phone.
            Some(LegEnd::Failed) if self.not_carried => true,
            // Never reached the carrier, and the other method may still reach the phone; or a full account let go of it.
            Some(LegEnd::Failed) => {
                let may_have_been_full = self.carrier_ref.is_none() || self.round > 0;
                may_have_been_full && self.rang_at.is_none() && method == RingMethod::Dial
            }
            // Under a simultaneous dial a phone may stop since another was picked up.
            Some(LegEnd::NoAnswer) => self.round > 0 && method == RingMethod::Dial,
            Some(
                LegEnd::Accepted | LegEnd::Declined | LegEnd::NoConfirm | LegEnd::VoicemailSuspected | LegEnd::Busy,
            ) => false,
        }
    }
}

/// How far a leg came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LegProgress {
    /// Promised; the carrier may not know of it.
    Offered,
    /// The carrier took it.
    Placed,
    /// The phone rings.
    Ringing,
    /// Picked up; the prompt plays.
    Prompted,
    /// Pressed 1 first.
    Claimed,
    /// In the room.
    InRoom,
    /// Was in the room and left it before the two met; a report of the entry that comes later is an old one.
    LeftRoom,
}
