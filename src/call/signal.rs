//! What can arrive: everything the world may tell a call.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::supervisor::CodeVerdict;
use crate::ids::CarrierRef;

/// One thing that happened outside, in the core's words.
///
/// A leg is named by its number within the call. Signals may come twice, late, never, or in another order than they
/// happened; `decide` is total over all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "signal", rename_all = "snake_case")]
pub enum Signal {
    /// The caller is on the line and waits for the first document.
    Arrived,
    /// A safe reply took the caller to the recorder while the call could not be decided on, or was not known.
    Adopted,
    /// The queue asks what the waiting caller hears next.
    WaitPolled,
    /// The caller pressed a key while waiting.
    CallerPressed { key: char },
    /// The first document, which listens for the supervisor's key, ended with this key, or with none.
    FirstKeyPressed { key: Option<char> },
    /// The menu ended with this key, or with none; `turn` says which time it was played.
    MenuAnswered { turn: u32, key: Option<char> },
    /// The recording notice ended, by itself or by a key.
    NoticeEnded { turn: u32, key: Option<char> },
    /// The challenge ended with this key, or with none; `turn` says which time it was said.
    ChallengeAnswered { turn: u32, key: Option<char> },
    /// A supervisor's code was typed, in the queue or outside it, and looked at. Its digits are nowhere.
    CodeTried { in_queue: bool, verdict: CodeVerdict },
    /// The supervisor was asked what to do, and pressed this key, or none.
    SwitchChosen { key: Option<char> },
    /// Somebody overrode the brand, and takes along callers who wait.
    Overridden,
    /// The caller is somewhere between two documents and asks what comes next: after the queue, after a room, after a
    /// redirect, after a step that failed. Answered from the call's state.
    CallerAsks { at: CallerDoor },
    /// The caller's connection ended.
    CallerGone,
    /// The caller's connection broke: nobody hung up, the carrier says that the call failed.
    CallerFailed,
    /// We are about to fetch the caller out of the queue by request; asks for leave to do so.
    FetchBegins,
    /// That request was refused or its result is unknown.
    FetchFailed,

    /// The carrier took our request to ring this leg and named it.
    LegPlaced { leg: u32, carrier_ref: CarrierRef },
    /// The carrier refused to ring this leg; `unreachable` when the number itself is at fault.
    LegRefused { leg: u32, unreachable: bool },
    /// The carrier did not ring this leg, since the account carries no more legs at once.
    LegNotCarried { leg: u32 },
    /// The phone rings.
    LegRings { leg: u32, carrier_ref: Option<CarrierRef> },
    /// Somebody or something picked up; asks what it hears.
    LegAsks { leg: u32, carrier_ref: Option<CarrierRef> },
    /// The accept prompt ended with this key, or with none.
    LegPressed { leg: u32, key: Option<char> },
    /// The leg came out of the room and asks what it hears.
    LegLeftRoom { leg: u32 },
    /// What was decided for the leg was not heard: it was told that the call cannot be connected, and hangs up.
    LegTurnedAway { leg: u32 },
    /// The carrier says the leg ended.
    LegFinished { leg: u32, outcome: LegOutcome },

    /// An agent whose phone rang for this call dials the brand by themselves, on this leg, and asks what they hear.
    /// `doubted`: the carrier says that it cannot vouch for the number.
    AgentCalledIn {
        agent: crate::ids::AgentId,
        carrier_ref: CarrierRef,
        #[serde(default)]
        doubted: bool,
    },
    /// An agent who dialled the brand pressed the supervisor's key: a call of their own, for which no phone rings.
    AgentAsksForCode,

    /// Somebody entered the room of this leg's claim, as far as that is known.
    RoomEntered { who: Party, claim: Option<u32> },
    /// Both are in the room of this leg's claim and can hear each other. Told late, it may be of an earlier claim.
    RoomStarted { leg: u32 },
    /// Somebody left the room of this leg's claim, as far as that is known. Told late, it may be of an earlier claim.
    RoomLeft { who: Party, claim: Option<u32> },
    /// What the carrier says of the room when asked.
    RoomChecked { caller_in: bool, leg_in: bool },

    /// A simultaneous dial came to its end and the caller asks what comes next.
    DialEnded { round: u32, bridged: bool },

    /// Somebody or something picked up on the outside line, which has to press 1; asks what it hears.
    LineAsks { attempt: u32 },
    /// The outside line's prompt ended with this key, or with none.
    LinePressed { attempt: u32, key: Option<char> },
    /// The carrier says that the outside line was picked up.
    LineAnswered { attempt: u32 },
    /// The dial of the outside line came to its end and the caller asks what comes next.
    LineEnded { attempt: u32, bridged: bool },

    /// The caller finished recording, or hung up while recording.
    VoicemailTaken { recording: Option<CarrierRef>, seconds: Option<u32> },
    /// The file is ready at the carrier.
    RecordingReady { recording: CarrierRef, seconds: u32 },
    /// There is no file and will be none.
    RecordingAbsent { recording: Option<CarrierRef> },
    /// We hold the audio ourselves.
    RecordingStored { recording: CarrierRef },
    /// What was said, or nothing when the transcription failed.
    Transcribed { recording: CarrierRef, text: Option<String> },

    /// The carrier took the text to the caller, or did not; `why` not, or why that is not known.
    TextTold { sent: bool, why: Option<String> },

    /// The carrier, asked, says whether the caller is still connected.
    CallerChecked { connected: bool },
    /// A deadline of this call may have passed.
    Woken,
    /// The service began again: what happened meanwhile may never have been told.
    Restarted,
    /// A phone somewhere became free, or an agent available.
    PhonesFreed,
    /// An agent was explicitly switched off, paused by a person or removed: no leg of theirs may go on ringing.
    AgentWithdrawn { agent: crate::ids::AgentId },
}

/// Where the caller stands when asking what comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallerDoor {
    /// The queue let go of the caller.
    Queue,
    /// Fetched by request, to join the room.
    Join,
    /// Came out of the room.
    Room,
    /// Any other place: a redirect of ours, the fallback address.
    Elsewhere,
}

/// How the carrier says a leg ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LegOutcome {
    /// It was answered and is over.
    Completed,
    /// Busy.
    Busy,
    /// Rang its time out, or was turned away.
    NoAnswer,
    /// Could not be connected.
    Failed,
    /// Cancelled before it was answered.
    Canceled,
}

/// One of the two who meet in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Party {
    /// The caller.
    Caller,
    /// The agent on this leg.
    Leg(u32),
}

impl Signal {
    /// Whether deciding may offer the call to phones, so that the facts about agents have to be loaded.
    #[must_use]
    pub fn may_offer(&self) -> bool {
        match self {
            Self::Arrived
            | Self::WaitPolled
            | Self::CallerPressed { .. }
            | Self::CallerAsks { .. }
            | Self::LegRefused { .. }
            | Self::LegNotCarried { .. }
            | Self::LegPressed { .. }
            | Self::LegFinished { .. }
            | Self::LegTurnedAway { .. }
            | Self::LegLeftRoom { .. }
            | Self::AgentCalledIn { .. }
            | Self::RoomLeft { .. }
            | Self::RoomChecked { .. }
            | Self::DialEnded { .. }
            | Self::FirstKeyPressed { .. }
            | Self::MenuAnswered { .. }
            | Self::NoticeEnded { .. }
            | Self::ChallengeAnswered { .. }
            | Self::CodeTried { .. }
            | Self::SwitchChosen { .. }
            | Self::Overridden
            | Self::LineEnded { .. }
            | Self::Woken
            | Self::PhonesFreed
            | Self::CallerChecked { .. }
            | Self::AgentWithdrawn { .. } => true,
            Self::CallerGone
            | Self::CallerFailed
            | Self::Adopted
            | Self::AgentAsksForCode
            | Self::Restarted
            | Self::FetchBegins
            | Self::FetchFailed
            | Self::LegPlaced { .. }
            | Self::LegRings { .. }
            | Self::LegAsks { .. }
            | Self::RoomEntered { .. }
            | Self::RoomStarted { .. }
            | Self::LineAsks { .. }
            | Self::LinePressed { .. }
            | Self::LineAnswered { .. }
            | Self::VoicemailTaken { .. }
            | Self::RecordingReady { .. }
            | Self::RecordingAbsent { .. }
            | Self::RecordingStored { .. }
            | Self::Transcribed { .. }
            | Self::TextTold { .. } => false,
        }
    }
}

impl Signal {
    /// Whether it shows that the caller no longer hears a prompt for a supervisor's code.
    #[must_use]
    pub fn leaves_code_prompt(&self) -> bool {
        matches!(
            self,
            Self::WaitPolled
                | Self::CallerPressed { .. }
                | Self::CallerAsks { .. }
                | Self::FirstKeyPressed { .. }
                | Self::MenuAnswered { .. }
                | Self::NoticeEnded { .. }
                | Self::ChallengeAnswered { .. }
                | Self::CallerGone
                | Self::CallerFailed
                | Self::Adopted
                | Self::VoicemailTaken { .. }
        )
    }
}

/// An instant with what arrived then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// When we heard of it.
    pub at: DateTime<Utc>,
    /// What it was.
    pub signal: Signal,
}
