//! What the caller or the agent hears now, as steps, before it is anybody's XML.

use serde::{Deserialize, Serialize};

use crate::ids::AgentId;
use crate::phone_number::PhoneNumber;

/// The answer to a signal that came through a door where somebody listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
pub enum Reply {
    /// Nobody listens.
    Nothing,
    /// The refusal tone, before the call is answered.
    Refuse,
    /// Enter the queue. `words` come first, if any.
    Wait { words: Option<String> },
    /// Ringback for `seconds` (1 to 6), listening for the voicemail key if there is one.
    KeepWaiting { seconds: u32, voicemail_key: Option<char>, step: u32 },
    /// Leave the queue and ask what comes next.
    LeaveQueue,
    /// Ring these phones together, each screened; under `dial`.
    RingTogether { round: u32, ring_s: u32, phones: Vec<PhoneToRing> },
    /// Ask the agent to press 1. `listen_s`: how long after the words.
    AskToAccept { leg: u32, words: String, listen_s: u32, screening: bool },
    /// Under `dial`: let the two meet now.
    Bridge,
    /// Enter the room.
    JoinRoom { who: RoomSeat },
    /// Greet, tone, record.
    TakeVoicemail { greeting: String, max_length_s: u32, transcribe: bool },
    /// Say this, then hang up.
    SayAndHangUp { words: String },
    /// Hang up.
    HangUp,
}

/// Whose seat in the room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoomSeat {
    /// The caller's.
    Caller,
    /// The agent's, on this leg.
    Leg(u32),
}

/// One phone of a simultaneous dial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhoneToRing {
    /// The leg's number.
    pub leg: u32,
    /// Whose phone.
    pub agent: AgentId,
    /// The phone.
    pub phone: PhoneNumber,
}
