//! One leg, which Twilio calls a Call: what is known of it and what it is doing.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};

use super::schema::Context;
use super::twiml::{Dial, Gather, Record, RecordingWishes, Room, Verb};
use super::wire::Target;

/// `CallStatus` (contract 4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Waiting for its turn at the calls per second.
    Queued,
    /// Dialled, and not heard of yet.
    Initiated,
    /// The phone rings.
    Ringing,
    /// Answered, by whomever or whatever.
    InProgress,
    /// Over, after it was answered.
    Completed,
    /// Over: engaged, or declined.
    Busy,
    /// Over: it could not be put through.
    Failed,
    /// Over: nobody answered in time.
    NoAnswer,
    /// Over: called off before it was answered.
    Canceled,
}

impl Status {
    /// As Twilio spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Initiated => "initiated",
            Self::Ringing => "ringing",
            Self::InProgress => "in-progress",
            Self::Completed => "completed",
            Self::Busy => "busy",
            Self::Failed => "failed",
            Self::NoAnswer => "no-answer",
            Self::Canceled => "canceled",
        }
    }

    pub(super) fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Busy | Self::Failed | Self::NoAnswer | Self::Canceled)
    }

    pub(super) fn sip_code(self) -> &'static str {
        match self {
            Self::Busy => "486",
            Self::Failed => "404",
            Self::NoAnswer | Self::Canceled => "487",
            Self::Queued | Self::Initiated | Self::Ringing | Self::InProgress | Self::Completed => "200",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Inbound,
    OutboundApi,
    OutboundDial,
}

impl Direction {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::OutboundApi => "outbound-api",
            Self::OutboundDial => "outbound-dial",
        }
    }
}

/// Verbs yet to run.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub(super) verbs: VecDeque<Verb>,
    pub(super) context: Context,
    /// The document has run no verb yet.
    pub(super) fresh: bool,
}

impl Frame {
    pub(super) fn empty(context: Context) -> Self {
        Self { verbs: VecDeque::new(), context, fresh: false }
    }
}

/// What the current verb is waiting for.
#[derive(Debug, Clone)]
pub(super) enum Doing {
    Nothing,
    /// A sound, a voice or silence until a `Step` timer.
    Playing,
    /// A document or sound is on its way.
    Fetching,
    Gathering(Box<Gathering>),
    Recording(Box<Recording>),
}

#[derive(Debug, Clone)]
pub(super) struct Gathering {
    pub(super) verb: Gather,
    pub(super) digits: String,
}

#[derive(Debug, Clone)]
pub(super) struct Recording {
    pub(super) verb: Record,
    pub(super) sid: String,
    /// Before this instant the beep sounds and nothing is recorded.
    pub(super) from: DateTime<Utc>,
    pub(super) heard_from: Option<DateTime<Utc>>,
    pub(super) heard_until: Option<DateTime<Utc>>,
    pub(super) text: String,
}

/// Where the leg is, beyond its own document.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// Nowhere: it runs a document.
    Alone,
    Dialling(Box<Dialling>),
    Queued(Box<Queued>),
    InRoom(Box<InRoom>),
    /// A child leg, or a queued caller, talking with the leg that dialled it.
    Bridged {
        with: String,
    },
}

#[derive(Debug, Clone)]
pub(super) struct Dialling {
    pub(super) verb: Dial,
    pub(super) serial: u64,
    pub(super) children: Vec<String>,
    pub(super) not_yet_dialled: VecDeque<super::twiml::Number>,
    pub(super) bridged: Option<(String, DateTime<Utc>)>,
    pub(super) recording: Option<String>,
    pub(super) queue: Option<String>,
    pub(super) timed_out: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Queued {
    pub(super) queue: String,
    pub(super) action: Option<Target>,
    pub(super) wait: Option<Target>,
    pub(super) since: DateTime<Utc>,
    /// When the wait document was asked for last.
    pub(super) waits_at: Option<DateTime<Utc>>,
    /// The leg that takes this caller out, while `<Queue url>` runs and while they talk.
    pub(super) taken_by: Option<String>,
    pub(super) bridged_since: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone)]
pub(super) struct InRoom {
    pub(super) serial: u64,
    pub(super) conference: String,
    pub(super) room: Room,
    pub(super) dial: Dial,
    pub(super) recording: Option<String>,
    pub(super) talked: bool,
}

/// Where a leg's status news goes.
#[derive(Debug, Clone, Default)]
pub(super) struct News {
    pub(super) target: Option<Target>,
    pub(super) events: Vec<String>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Amd {
    pub(super) asked: bool,
    pub(super) asynchronous: bool,
    pub(super) callback: Option<Target>,
    pub(super) answered_by: Option<&'static str>,
}

#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) sid: String,
    pub(super) serial: u64,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) direction: Direction,
    pub(super) parent: Option<String>,
    pub(super) status: Status,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) started_at: Option<DateTime<Utc>>,
    pub(super) answered_at: Option<DateTime<Utc>>,
    pub(super) ended_at: Option<DateTime<Utc>>,
    pub(super) news: News,
    pub(super) first: Option<Target>,
    pub(super) first_inline: Option<String>,
    pub(super) fallback: Option<Target>,
    pub(super) screen: Option<Target>,
    pub(super) timeout_s: u64,
    pub(super) time_limit_s: u64,
    pub(super) sequence: u32,
    pub(super) epoch: u64,
    pub(super) documents: u32,
    pub(super) frame: Frame,
    /// The call's own verbs, while it waits elsewhere.
    pub(super) saved: Option<Frame>,
    pub(super) doing: Doing,
    pub(super) place: Place,
    /// The phone at the other end; none once the carrier's voicemail has it.
    pub(super) handset: Option<String>,
    pub(super) machine: bool,
    pub(super) kept_keys: String,
    pub(super) forwarded_from: Option<String>,
    pub(super) withheld: bool,
    pub(super) caller_name: Option<String>,
    pub(super) amd: Amd,
    pub(super) record_from_answer: Option<RecordingWishes>,
    /// No longer a child of the Dial that made it: a REST redirect took it away.
    pub(super) detached: bool,
}

impl Call {
    pub(super) fn is_live(&self) -> bool {
        !self.status.is_final()
    }

    pub(super) fn is_answered(&self) -> bool {
        self.status == Status::InProgress
    }

    /// Whole seconds between answer and end; 0 when never answered.
    pub(super) fn duration_s(&self) -> i64 {
        match (self.answered_at, self.ended_at) {
            (Some(from), Some(until)) => whole_seconds(until - from),
            _ => 0,
        }
    }
}

/// A span in whole seconds, rounded up, as Twilio counts.
pub(super) fn whole_seconds(span: TimeDelta) -> i64 {
    span.num_milliseconds().max(0).saturating_add(999) / 1000
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Caller,
    Service,
    Exchange,
}

impl By {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Caller => "the phone",
            Self::Service => "the service",
            Self::Exchange => "the exchange",
        }
    }
}
