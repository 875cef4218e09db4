//! A leg: the connection to one agent's phone, and how far it came.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::event::LegEnd;
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
    /// How far it came.
    pub progress: LegProgress,
    /// When it rang.
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
