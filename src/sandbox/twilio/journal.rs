//! The judge's log: what happened, seen from outside the service.

use chrono::{DateTime, Utc};

use super::schema::Context;
use super::wire::Sent;

/// One thing that happened to one leg.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When, in the stand-in's time.
    pub at: DateTime<Utc>,
    /// The leg; empty for what concerns none.
    pub call_sid: String,
    /// The number of the phone at its other end; empty when there is none.
    pub phone: String,
    /// What happened.
    pub what: What,
}

/// What can happen to a leg.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// It was dialled: by the phone itself, or by Twilio towards the phone.
    Dialled {
        /// The number dialled.
        to: String,
    },
    /// It waits for its turn at the calls per second.
    Waiting,
    /// The phone began to ring.
    Ringing,
    /// It was answered.
    Answered {
        /// By the carrier's voicemail, not by a person.
        machine: bool,
    },
    /// The phone heard this.
    Heard {
        /// `say`, `play`, `ringback`, `beep`, `silence` or `party`.
        kind: &'static str,
        /// The words, the URL, or what it was.
        text: String,
    },
    /// The phone sent keys.
    Pressed(String),
    /// The person spoke.
    Spoke(String),
    /// It can talk with others now.
    Bridged {
        /// The numbers of the phones it talks with.
        with: Vec<String>,
        /// The conference's name; none for a plain Dial.
        conference: Option<String>,
    },
    /// It can no longer talk with anybody.
    Unbridged,
    /// It is in a conference that had begun, and everybody else has left.
    LeftAlone,
    /// It was queued.
    Queued {
        /// The queue's name.
        queue: String,
    },
    /// It left the queue.
    LeftQueue {
        /// `QueueResult`.
        result: String,
    },
    /// It was hung up.
    HungUp {
        /// `the phone`, `the service` or `the exchange`.
        by: &'static str,
    },
    /// It is over.
    Ended {
        /// Its final `CallStatus`.
        status: &'static str,
    },
    /// Something Twilio's debugger would warn of, without being wrong.
    Warning(String),
    /// A status callback was dropped on purpose.
    CallbackDropped(String),
}

/// A document the service sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Whom it was for.
    pub context: Context,
    /// Where it came from; `Twiml` when it was a REST parameter.
    pub url: String,
    /// The leg it was for; empty when the call was over.
    pub call_sid: String,
    /// When, in the stand-in's time.
    pub at: DateTime<Utc>,
    /// The document.
    pub body: String,
}

/// A rule of Twilio's that the service broke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// When, in the stand-in's time.
    pub at: DateTime<Utc>,
    /// Twilio's error code.
    pub code: u32,
    /// What was wrong, and where.
    pub message: String,
}

/// One ringing of one phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ring {
    /// The leg that rang.
    pub call_sid: String,
    /// From when.
    pub from: DateTime<Utc>,
    /// Until when; none while it rings.
    pub until: Option<DateTime<Utc>>,
    /// How it stopped: `answered`, or the final status.
    pub end: Option<&'static str>,
}

/// Two or more phones that could hear each other, as one of them saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bridge {
    /// The leg.
    pub call_sid: String,
    /// Its phone.
    pub phone: String,
    /// The other phones.
    pub with: Vec<String>,
    /// The conference's name; none for a plain Dial.
    pub conference: Option<String>,
    /// From when.
    pub from: DateTime<Utc>,
    /// Until when; none while they talk.
    pub until: Option<DateTime<Utc>>,
}

#[derive(Debug, Default)]
pub(super) struct Journal {
    pub(super) entries: Vec<Entry>,
    pub(super) documents: Vec<Document>,
    pub(super) violations: Vec<Violation>,
    pub(super) sent: Vec<Sent>,
}

impl Journal {
    pub(super) fn rings(&self, number: &str) -> Vec<Ring> {
        let mut rings: Vec<Ring> = Vec::new();
        for entry in self.entries.iter().filter(|entry| entry.phone == number) {
            let end = match &entry.what {
                What::Ringing => {
                    rings.push(Ring { call_sid: entry.call_sid.clone(), from: entry.at, until: None, end: None });
                    continue;
                }
                What::Answered { .. } => "answered",
                What::Ended { status } => status,
                _ => continue,
            };
            if let Some(ring) = rings.iter_mut().find(|ring| ring.call_sid == entry.call_sid && ring.until.is_none()) {
                ring.until = Some(entry.at);
                ring.end = Some(end);
            }
        }
        rings
    }

    pub(super) fn bridges(&self) -> Vec<Bridge> {
        let mut bridges: Vec<Bridge> = Vec::new();
        for entry in &self.entries {
            let open = bridges.iter_mut().find(|bridge| bridge.call_sid == entry.call_sid && bridge.until.is_none());
            match &entry.what {
                What::Bridged { with, conference } => {
                    if let Some(bridge) = open {
                        bridge.until = Some(entry.at);
                    }
                    bridges.push(Bridge {
                        call_sid: entry.call_sid.clone(),
                        phone: entry.phone.clone(),
                        with: with.clone(),
                        conference: conference.clone(),
                        from: entry.at,
                        until: None,
                    });
                }
                What::Unbridged | What::LeftAlone | What::Ended { .. } => {
                    if let Some(bridge) = open {
                        bridge.until = Some(entry.at);
                    }
                }
                _ => {}
            }
        }
        bridges
    }
}
