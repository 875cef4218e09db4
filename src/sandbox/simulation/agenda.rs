//! What is going to happen, in virtual time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::Ms;
use super::desk::Pending;
use super::outbox::Outcome;
use super::words::DialToCome;
use crate::call::reply::Reply;
use crate::call::signal::Signal;

/// Who is on the line and listens: a caller, or an agent by the carrier's number of the leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Listener {
    Caller(usize),
    Line(usize),
    /// Whoever picked up the outside line of that call.
    Outside(usize),
}

/// What a timer of the carrier or of a person brings about.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    /// The words before the queue are over.
    WordsOver,
    /// The words before a dial are over.
    WordsBeforeDialOver { dial: DialToCome },
    /// The wait document is over.
    WaitOver,
    /// The greeting is over and the tone sounded.
    ToneSounds,
    /// The caller stops speaking, or the longest message is reached.
    MessageOver,
    /// The closing sentence is over.
    Said,
    /// The pair has talked enough.
    TalkOver { caller_ends: bool },
    /// The call leaves the carrier's own queue.
    LeavesQueue,
    /// The phone rings.
    Rings,
    /// The person, or a voicemail, picks up.
    PicksUp { machine: bool },
    /// The phone turns the call away.
    TurnsAway { busy: bool, failed: bool },
    /// It rang its time out.
    RangOut,
    /// The prompt and the listening are over without a key.
    PromptOver,
    /// The person presses a key.
    Presses { key: char },
    /// The person hangs up.
    HangsUp,
    /// The simultaneous dial's time is over.
    DialOver,
}

/// One thing to happen.
#[derive(Debug)]
pub(super) enum Happening {
    CallerDials,
    /// The carrier's request for a document reaches the service.
    Asked {
        who: Listener,
        epoch: u32,
        signal: Signal,
        is_second: bool,
    },
    /// The second half of a decision.
    Commits(Box<Pending>),
    /// The document reaches the carrier.
    Hears {
        who: Listener,
        epoch: u32,
        reply: Reply,
    },
    /// The request failed, and the carrier gave up on it.
    Fails {
        who: Listener,
        epoch: u32,
        signal: Signal,
        is_second: bool,
    },
    /// A status callback reaches the service.
    Noted {
        call: usize,
        signal: Signal,
    },
    Steps {
        who: Listener,
        epoch: u32,
        step: Step,
    },
    /// A caller who has waited long enough hangs up.
    LosesPatience {
        call: usize,
    },
    /// The caller would rather leave a message.
    WantsRecorder {
        call: usize,
    },
    Delivers {
        lane: usize,
    },
    Settles {
        lane: usize,
        outcome: Outcome,
    },
    Wakes {
        call: usize,
    },
    Stirs,
    PresenceFlips,
    /// An agent's open conversations become more or fewer.
    QueueChanges,
    Trouble,
    /// A supervisor sends everything to the operator line for a while.
    Overrides,
    /// Somebody declares a flood.
    Declares,
    RecordingDone {
        recording: usize,
    },
}

struct Entry(Ms, u64, Happening);

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        (self.0, self.1) == (other.0, other.1)
    }
}
impl Eq for Entry {}
impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.0, self.1).cmp(&(other.0, other.1))
    }
}

/// The queue of what is to happen; among things of one instant the one put in first.
#[derive(Default)]
pub(super) struct Agenda {
    heap: BinaryHeap<Reverse<Entry>>,
    count: u64,
}

impl Agenda {
    pub(super) fn put(&mut self, at: Ms, happening: Happening) {
        self.count += 1;
        self.heap.push(Reverse(Entry(at, self.count, happening)));
    }

    pub(super) fn next(&mut self) -> Option<(Ms, Happening)> {
        self.heap.pop().map(|Reverse(Entry(at, _, happening))| (at, happening))
    }
}
