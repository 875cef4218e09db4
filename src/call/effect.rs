//! What we ask a neighbour to do, in the imperative. An effect is a row before it is a request.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::state::Call;
use crate::ids::{AgentId, BrandId, CallId, CarrierRef};
use crate::phone_number::Caller;

/// One request to a neighbour. Its details are read from the call when it is carried out.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum Effect {
    /// Ring this leg's phone by an outbound call.
    RingAgent { leg: u32 },
    /// Stop a leg that nobody has answered.
    CancelLeg { leg: u32 },
    /// End a leg that was answered.
    DropLeg { leg: u32 },
    /// Tell the agent on this leg that the caller has gone, and hang up.
    TellCallerGone { leg: u32 },
    /// Fetch the caller out of the queue or the room, to the document that the call's state asks for.
    FetchCaller { attempt: u32 },
    /// Hang up the caller.
    DropCaller,
    /// Ask the carrier how this leg stands.
    CheckLeg { leg: u32, attempt: u32 },
    /// Ask the carrier whether the caller is still connected.
    CheckCaller { attempt: u32 },
    /// Ask the carrier who is in the room.
    CheckRoom { attempt: u32 },
    /// Ask the carrier which recordings this call left.
    FindRecordings { attempt: u32 },
    /// Bring the audio here.
    FetchRecording { recording: CarrierRef },
    /// Send the caller the path's text.
    TextCaller,

    /// Contact, conversation and the note on arrival.
    NoteArrival,
    /// The owner, labels and attributes.
    AssignOwner,
    /// The note at the end of an answered call.
    NoteEnd,
    /// The note for a call that nobody took and that left no message.
    NoteMissed,
    /// The voicemail with its audio.
    PostVoicemail { recording: CarrierRef },
    /// What was said, after the voicemail.
    PostTranscript { recording: CarrierRef },
    /// The text to the caller, and what became of it.
    NoteText,
    /// Tell an agent that the system put them aside, and how to come back.
    NotePaused { agent: AgentId, until: DateTime<Utc>, misses: u32 },
    /// Tell the supervisors of an agent who would have been put aside and is one of the last of the call's brand, or of
    /// another if `brand` names one.
    NoteSpared {
        agent: AgentId,
        misses: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        brand: Option<BrandId>,
    },
    /// Look for a message of the call that stands twice, and delete the younger. Asked by whoever is about to post it once
    /// more, not knowing what became of the time before.
    RemoveTwins { source_id: String, attempt: u32 },
}

/// Which neighbour an effect goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Neighbour {
    /// Twilio, about calls that live.
    Carrier,
    /// Twilio, about what it recorded: large files that may come slowly, and must not hold up a phone that has to stop
    /// ringing.
    Recordings,
    /// Chatwoot.
    Inbox,
}

impl Neighbour {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Carrier, Self::Recordings, Self::Inbox];
}

impl Effect {
    /// Who carries it out.
    #[must_use]
    pub fn neighbour(&self) -> Neighbour {
        match self {
            Self::RingAgent { .. }
            | Self::CancelLeg { .. }
            | Self::DropLeg { .. }
            | Self::TellCallerGone { .. }
            | Self::FetchCaller { .. }
            | Self::DropCaller
            | Self::CheckLeg { .. }
            | Self::CheckCaller { .. }
            | Self::CheckRoom { .. }
            | Self::TextCaller => Neighbour::Carrier,
            Self::FindRecordings { .. } | Self::FetchRecording { .. } => Neighbour::Recordings,
            Self::NoteArrival
            | Self::AssignOwner
            | Self::NoteEnd
            | Self::NoteMissed
            | Self::PostVoicemail { .. }
            | Self::PostTranscript { .. }
            | Self::NotePaused { .. }
            | Self::NoteText
            | Self::NoteSpared { .. }
            | Self::RemoveTwins { .. } => Neighbour::Inbox,
        }
    }

    /// Whether somebody waits for it. Looking for twins once more is nothing that is owed to anybody.
    #[must_use]
    pub fn is_owed(&self) -> bool {
        !matches!(self, Self::RemoveTwins { .. })
    }

    /// Effects of one lane are carried out one after the other: those of a leg, of the caller, of a conversation.
    #[must_use]
    pub fn lane(&self, call: &Call) -> String {
        match self {
            Self::RingAgent { leg }
            | Self::CancelLeg { leg }
            | Self::DropLeg { leg }
            | Self::TellCallerGone { leg }
            | Self::CheckLeg { leg, .. } => format!("leg:{}-{leg}", call.id),
            Self::FetchCaller { .. } | Self::DropCaller | Self::CheckCaller { .. } | Self::CheckRoom { .. } => {
                format!("caller:{}", call.id)
            }
            Self::FindRecordings { .. } | Self::FetchRecording { .. } => format!("recording:{}", call.id),
            Self::TextCaller => format!("text:{}", call.id),
            Self::RemoveTwins { .. } => format!("twins:{}", call.id),
            Self::NoteArrival
            | Self::AssignOwner
            | Self::NoteEnd
            | Self::NoteMissed
            | Self::PostVoicemail { .. }
            | Self::PostTranscript { .. }
            | Self::NotePaused { .. }
            | Self::NoteText
            | Self::NoteSpared { .. } => match &call.caller {
                Caller::Known(phone) => format!("inbox:{}:{}", call.brand, phone.as_e164()),
                Caller::Withheld | Caller::Other(_) => format!("inbox:{}:{}", call.brand, call.id),
            },
        }
    }

    /// The word that stands in SQL, metrics and logs.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::RingAgent { .. } => "ring_agent",
            Self::CancelLeg { .. } => "cancel_leg",
            Self::DropLeg { .. } => "drop_leg",
            Self::TellCallerGone { .. } => "tell_caller_gone",
            Self::FetchCaller { .. } => "fetch_caller",
            Self::DropCaller => "drop_caller",
            Self::CheckLeg { .. } => "check_leg",
            Self::CheckCaller { .. } => "check_caller",
            Self::CheckRoom { .. } => "check_room",
            Self::FindRecordings { .. } => "find_recordings",
            Self::FetchRecording { .. } => "fetch_recording",
            Self::NoteArrival => "note_arrival",
            Self::AssignOwner => "assign_owner",
            Self::NoteEnd => "note_end",
            Self::NoteMissed => "note_missed",
            Self::PostVoicemail { .. } => "post_voicemail",
            Self::PostTranscript { .. } => "post_transcript",
            Self::TextCaller => "text_caller",
            Self::NoteText => "note_text",
            Self::NotePaused { .. } => "note_paused",
            Self::NoteSpared { .. } => "note_spared",
            Self::RemoveTwins { .. } => "remove_twins",
        }
    }

    /// The key under which the effect exists once: the same decision taken twice asks for it once.
    #[must_use]
    pub fn key(&self, call: CallId) -> String {
        let kind = self.kind();
        match self {
            Self::RingAgent { leg }
            | Self::CancelLeg { leg }
            | Self::DropLeg { leg }
            | Self::TellCallerGone { leg } => {
                format!("{call}:{kind}:{leg}")
            }
            Self::CheckLeg { leg, attempt } => format!("{call}:{kind}:{leg}:{attempt}"),
            Self::FetchCaller { attempt }
            | Self::CheckCaller { attempt }
            | Self::CheckRoom { attempt }
            | Self::FindRecordings { attempt } => format!("{call}:{kind}:{attempt}"),
            Self::FetchRecording { recording }
            | Self::PostVoicemail { recording }
            | Self::PostTranscript { recording } => {
                format!("{call}:{kind}:{}", recording.as_str())
            }
            Self::NotePaused { agent, .. } | Self::NoteSpared { agent, .. } => format!("{call}:{kind}:{agent}"),
            Self::RemoveTwins { source_id, attempt } => format!("{call}:{kind}:{source_id}:{attempt}"),
            Self::DropCaller
            | Self::TextCaller
            | Self::NoteText
            | Self::NoteArrival
            | Self::AssignOwner
            | Self::NoteEnd
            | Self::NoteMissed => {
                format!("{call}:{kind}")
            }
        }
    }
}
