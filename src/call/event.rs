//! What we record as having happened, in the past tense. A call changes by events alone.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::floods::FloodLimit;
use super::supervisor::CodeEnd;
use super::way_in::{ChosenBy, LinePurpose, Way};
use crate::ids::{AgentId, BrandId, CarrierRef, IntentId, SupervisorId};
use crate::phone_number::PhoneNumber;
use crate::rules::ClosureKind;
use crate::shortlist::ShortlistRecord;

/// How one leg ended, as reports and people tell them apart. Never fold one into another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LegEnd {
    /// The agent pressed 1 and met the caller.
    Accepted,
    /// A person pressed another key.
    Declined,
    /// Answered, and nobody pressed a key.
    NoConfirm,
    /// Answered by what is probably a voicemail.
    VoicemailSuspected,
    /// Rang its full time.
    NoAnswer,
    /// Busy.
    Busy,
    /// Could not be rung, or broke.
    Failed,
    /// Another agent was first.
    LostRace,
    /// The caller left, or was taken elsewhere, first.
    CallerLeft,
}

/// The one way in which a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// An agent and the caller met.
    Answered,
    /// The caller left a message.
    Voicemail,
    /// Nobody took it and there is no message.
    Missed,
    /// The caller left before the deadline.
    Abandoned,
    /// Heard the closed message.
    AfterHoursMessage,
    /// Went to the operator line or another number.
    Redirected,
    /// A blocked contact.
    Blocked,
    /// Something of ours broke.
    Failed,
    /// A supervisor's own, to turn an override.
    Supervisor,
}

impl Ending {
    /// Every one.
    pub const ALL: [Self; 9] = [
        Self::Answered,
        Self::Voicemail,
        Self::Missed,
        Self::Abandoned,
        Self::AfterHoursMessage,
        Self::Redirected,
        Self::Blocked,
        Self::Failed,
        Self::Supervisor,
    ];

    /// The word that stands in SQL, JSON and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Voicemail => "voicemail",
            Self::Missed => "missed",
            Self::Abandoned => "abandoned",
            Self::AfterHoursMessage => "after_hours_message",
            Self::Redirected => "redirected",
            Self::Blocked => "blocked",
            Self::Failed => "failed",
            Self::Supervisor => "supervisor",
        }
    }
}

/// Why the caller was sent to the fallback path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FallbackReason {
    /// The brand is closed.
    Closed,
    /// Nobody may be rung, and that will last.
    NobodyEligible,
    /// The time to answer is over.
    Deadline,
    /// Everybody has said no or did not answer.
    NobodyLeft,
    /// The caller asked for it.
    CallerChose,
    /// Too many calls from this caller.
    Flood,
    /// The account carries no more legs.
    Caps,
    /// We could not decide in time, and a safe reply took the caller to the recorder.
    Outage,
}

/// Why a claim did not become ownership.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LapseReason {
    /// The winner's leg ended first.
    LegEnded,
    /// They did not meet in time.
    Deadline,
}

/// One thing that happened to a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The call was refused: the caller is blocked.
    CallRefused,
    /// An agent dialled the brand from their own phone, to key a code in: no phone rings for it.
    AgentDialled,
    /// A shortlist was taken; who rings and why not the others.
    ShortlistTaken { record: ShortlistRecord },
    /// The caller began to wait; the ring ends at `deadline_at` unless extended.
    WaitBegan { method: RingMethod, deadline_at: DateTime<Utc> },
    /// The first phones were offered the call, from which the deadline counts.
    DeadlineSet { deadline_at: DateTime<Utc> },
    /// The caller asked for the next stretch of waiting, and will ask again at `next_at`.
    CallerPolled { next_at: DateTime<Utc> },
    /// A wave of phones was offered the call; the next joins at `next_at`, if there is one.
    WaveBegan { next_at: Option<DateTime<Utc>> },
    /// The caller was told to leave the queue, and comes to the next document by itself.
    CallerReleased,
    /// The deadline moved, since phones were lost to screening.
    DeadlineExtended { lost_ms: i64, deadline_at: DateTime<Utc> },
    /// A request to fetch the caller out of the queue is on its way.
    FetchBegan,
    /// That request failed.
    FetchFailed,
    /// The call goes on by the other method.
    MethodChanged { method: RingMethod },
    /// A simultaneous dial was handed out.
    RoundBegan { round: u32 },
    /// A simultaneous dial ended without a claim.
    RoundEnded { round: u32 },

    /// A phone was promised to this call; `called_in` if its agent dialled the brand by themselves.
    LegOffered {
        leg: u32,
        agent: AgentId,
        phone: PhoneNumber,
        round: u32,
        give_up_at: DateTime<Utc>,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        called_in: bool,
    },
    /// The carrier took the leg.
    LegPlaced { leg: u32, carrier_ref: CarrierRef },
    /// The phone rang.
    LegRang { leg: u32 },
    /// Somebody or something picked up.
    LegAnswered { leg: u32 },
    /// How the leg ended is decided; the carrier may not have let go of the phone yet.
    LegClosed { leg: u32, how: LegEnd },
    /// The race that the leg had lost is open again, since the claim came to nothing.
    LegReopened { leg: u32 },
    /// The carrier let go of the phone.
    LegReleased { leg: u32 },
    /// The account carried no more legs: the phone never rang, and is asked again when there is room.
    LegNotCarried { leg: u32 },
    /// We asked the carrier about the leg.
    LegChecked { leg: u32 },
    /// The system put an agent aside after so many misses in a row.
    AgentPaused { agent: AgentId, until: DateTime<Utc>, misses: u32 },
    /// An agent missed as many, and is one of the last that the brand has, or another brand if `brand` names one.
    PauseSpared {
        agent: AgentId,
        misses: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        brand: Option<BrandId>,
    },

    /// An agent pressed 1 first.
    CallClaimed { leg: u32, deadline_at: DateTime<Utc> },
    /// The claim came to nothing.
    ClaimLapsed { leg: u32, why: LapseReason },
    /// Both are said to have entered the room; whether they met is settled by then.
    RoomFilled { deadline_at: DateTime<Utc> },
    /// The room was asked about, since the claim's deadline passed.
    RoomAsked { deadline_at: DateTime<Utc> },
    /// The caller was handed the room.
    CallerSentToRoom,
    /// The caller entered the room.
    CallerEntered,
    /// The caller left the room before the two met.
    CallerLeftRoom,
    /// The agent entered the room.
    LegEntered { leg: u32 },
    /// The agent left the room before the two met.
    LegLeftRoom { leg: u32 },
    /// Agent and caller met: the agent owns the call.
    CallOwned { leg: u32, agent: AgentId },

    /// Nobody answered in time, but a phone is still listening to the prompt.
    GraceBegan { until: DateTime<Utc> },
    /// The brand was closed when the call arrived.
    FoundClosed { kind: ClosureKind },
    /// The brand's override was on when the call arrived.
    FoundOverridden { until: DateTime<Utc> },
    /// The call rings nobody: there were `calls` of the limit's kind within `window_s` before it.
    FloodRefused { by: FloodLimit, calls: u32, limit: u32, window_s: u32 },
    /// A flood is declared and the caller is no contact: a key has to be pressed first.
    FloodChallenged { declared_until: DateTime<Utc> },
    /// The caller was handed the challenge, for the `turn`-th time.
    ChallengePlayed { turn: u32 },
    /// The caller pressed the right key.
    ChallengePassed,
    /// The caller is asked for a supervisor's code until then; the ring's deadline moves to `deadline_at`.
    CodeAsked { until: DateTime<Utc>, in_queue: bool, deadline_at: Option<DateTime<Utc>> },
    /// That is over; the ring's deadline moves back to `deadline_at`.
    CodeEnded { how: CodeEnd, deadline_at: Option<DateTime<Utc>> },
    /// A supervisor gave a good code.
    SupervisorKnown { supervisor: SupervisorId },
    /// The supervisor was asked what to do.
    SwitchAsked,
    /// The supervisor turned the override on until then, or off.
    OverrideChosen { until: Option<DateTime<Utc>> },
    /// The caller was handed a first document that listens for the supervisor's key.
    HoldBegan,
    /// The caller was handed the menu, for the `turn`-th time.
    MenuPlayed { turn: u32, deadline_at: DateTime<Utc> },
    /// What the caller calls about is known.
    IntentChosen { intent: IntentId, how: ChosenBy },
    /// The caller was handed the recording notice; `text` is its hash.
    NoticeBegan { text: String, turn: u32, deadline_at: DateTime<Utc> },
    /// The caller heard the notice to its end.
    NoticeEnded,
    /// The call goes to a line outside the roster, with the next document.
    LineChosen { attempt: u32, purpose: LinePurpose, number: PhoneNumber, confirm: bool, ring_s: u32 },
    /// The document that rings it was handed out; `agent` is whose phone it is, if it is one of an agent's.
    LineRung {
        give_up_at: DateTime<Utc>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        agent: Option<AgentId>,
    },
    /// Somebody or something picked up there.
    LineAnswered,
    /// Somebody there took the call.
    LineTaken,
    /// Nobody there took it.
    LineOver,
    /// The path's words were handed out.
    MessageSaid,
    /// The caller hears words that last until then at the longest, and asks for nothing before they are over.
    WordsBegan { until: DateTime<Utc> },
    /// The caller is sent the path's text.
    TextAsked { words: String },
    /// The carrier took the text, or did not.
    TextTold { sent: bool, why: Option<String> },
    /// A caller whom nobody answered is to be called back until then, as the brand promises.
    CallbackDue { due_at: DateTime<Utc> },

    /// The caller is on the fallback path.
    FallbackBegan {
        why: FallbackReason,
        #[serde(default)]
        way: Way,
    },
    /// The caller was handed the document that records: ours, if `greeted`, else that of a safe reply.
    RecorderOffered {
        #[serde(default)]
        greeted: bool,
    },
    /// There is a recording.
    VoicemailRecorded { recording: CarrierRef, seconds: u32 },
    /// Its file is ready at the carrier.
    RecordingReady { recording: CarrierRef, seconds: u32 },
    /// Nothing was recorded.
    RecordingAbsent,
    /// We hold the audio.
    RecordingStored { recording: CarrierRef },
    /// The carrier was asked for recordings of this call.
    RecordingSought,
    /// What was said.
    Transcribed { recording: CarrierRef, text: Option<String> },

    /// The caller's connection ended.
    CallerLeft,
    /// We asked the carrier whether the caller is there.
    CallerChecked,
    /// The call is over.
    CallEnded { ending: Ending },
    /// Something arrived that makes no sense in this state; kept, since it may explain a fault.
    Ignored { what: String },
}

/// How phones are rung. Source: contract twilio.md section 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RingMethod {
    /// One outbound call per phone, the caller waiting in a queue.
    Legs,
    /// One simultaneous dial.
    Dial,
}

impl Event {
    /// Whether the event belongs in the call's history; the beat of the waiting caller does not.
    #[must_use]
    pub fn is_history(&self) -> bool {
        !matches!(self, Self::CallerPolled { .. } | Self::CallerChecked | Self::LegChecked { .. })
    }

    /// What a shortlist of a large roster was taken from, to be kept beside the history.
    #[must_use]
    pub fn kept_facts(&self) -> Option<&std::sync::Arc<[u8]>> {
        if let Self::ShortlistTaken { record } = self { record.snapshot.as_ref() } else { None }
    }
}
