//! What the caller or the agent hears now, as steps, before it is anybody's XML.

use serde::{Deserialize, Serialize};

use crate::ids::AgentId;
use crate::phone_number::PhoneNumber;
use crate::rules::Prompt;

/// The answer to a signal that came through a door where somebody listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
pub enum Reply {
    /// Nobody listens.
    Nothing,
    /// The refusal tone, before the call is answered.
    Refuse,
    /// Ringback for a moment, listening for the supervisor's key; then ask what comes next.
    Hold,
    /// In a declared flood: say which key to press and listen for it, `listen_s` after the words.
    Challenge { turn: u32, words: String, listen_s: u32 },
    /// Ask for a supervisor's code, in the queue or outside it.
    AskCode { in_queue: bool },
    /// Ask the supervisor what to do.
    AskSwitch { words: String },
    /// Play the menu and listen for one key, `wait_s` (1 to 10) after its end.
    AskMenu { turn: u32, prompt: Prompt, wait_s: u32 },
    /// Say the recording notice and ask what comes next when it has ended. `is_cut_by_keys`: listen meanwhile.
    SayNotice { turn: u32, words: String, is_cut_by_keys: bool },
    /// Ring a line outside the roster. `words` come first, if any; `screened`: whoever picks up is asked to press 1.
    RingLine { attempt: u32, number: PhoneNumber, ring_s: u32, screened: bool, words: Option<String> },
    /// Ask who picked up on the outside line to press 1. `listen_s`: how long after the words.
    AskLine { attempt: u32, words: String, listen_s: u32 },
    /// Enter the queue. `words` come first, if any; `listens`: for a key meanwhile.
    Wait { words: Option<String>, listens: bool },
    /// Ringback for `seconds` (1 to 6), listening for a key if it `listens`.
    KeepWaiting { seconds: u32, listens: bool, step: u32 },
    /// Leave the queue and ask what comes next.
    LeaveQueue,
    /// Ring these phones together, each screened; under `dial`. `words` come first, if any.
    RingTogether {
        round: u32,
        ring_s: u32,
        phones: Vec<PhoneToRing>,
        #[serde(default)]
        words: Option<String>,
    },
    /// Ask the agent to press 1. `listen_s`: how long after the words.
    AskToAccept { leg: u32, words: String, listen_s: u32, screening: bool },
    /// Wait two seconds and come in again by the door of the number.
    OneMoment,
    /// Let the one who picked up and the caller meet now; under `dial`, and on the outside line.
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
