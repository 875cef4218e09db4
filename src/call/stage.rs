//! Where a call stands, and where its caller is.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Where a call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "at", rename_all = "snake_case")]
pub enum Stage {
    /// Nothing decided yet.
    New,
    /// The first document listens for the supervisor's key; nothing else is decided.
    Hold,
    /// A flood is declared, and the caller is asked to press a key, for the `turn`-th time from 1.
    Challenge { turn: u32 },
    /// A supervisor gave a good code and is asked what to do.
    Supervisor,
    /// The caller hears the menu, for the `turn`-th time from 1; decided without a key at the deadline.
    Menu { turn: u32, deadline_at: DateTime<Utc> },
    /// The caller hears the recording notice; passed over without it at the deadline, and then nothing is recorded.
    Notice { turn: u32, deadline_at: DateTime<Utc> },
    /// The caller waits; phones may be ringing.
    Waiting,
    /// An agent pressed 1; the two have not met yet.
    Claimed { leg: u32, deadline_at: DateTime<Utc>, asked: bool },
    /// They talk.
    Talking { leg: u32, since: DateTime<Utc> },
    /// The operator line or another number: about to be rung, ringing, or talking.
    Line,
    /// Words, and then the call is over.
    Message,
    /// The fallback path: greeting, tone, recording.
    Voicemail,
    /// Over.
    Ended,
}

impl Stage {
    /// The leg that claimed or owns the call.
    #[must_use]
    pub fn holder(self) -> Option<u32> {
        match self {
            Self::Claimed { leg, .. } | Self::Talking { leg, .. } => Some(leg),
            Self::New
            | Self::Hold
            | Self::Challenge { .. }
            | Self::Supervisor
            | Self::Menu { .. }
            | Self::Notice { .. }
            | Self::Waiting
            | Self::Line
            | Self::Message
            | Self::Voicemail
            | Self::Ended => None,
        }
    }
}

/// Where the caller is, as far as the documents we handed out tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "at", rename_all = "snake_case")]
pub enum CallerAt {
    /// Before any document.
    Door,
    /// Hears a menu, a notice or a message; comes back by itself when it is over.
    Prompt,
    /// In the dial of an outside line.
    Line,
    /// In the queue.
    Queue,
    /// Told to leave the queue; asks for the next document by itself.
    Leaving,
    /// A request to fetch the caller is on its way.
    BeingFetched { since: DateTime<Utc> },
    /// In a simultaneous dial.
    Dial,
    /// Handed the room; `entered` once the carrier said so.
    Room { entered: bool },
    /// Hears the greeting or records.
    Recorder,
    /// Gone.
    Gone,
}
