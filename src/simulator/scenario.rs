//! What is asked of the simulator, and what it answers.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::call::event::{Ending, LegEnd};
use crate::call::explain::Explanation;
use crate::call::reply::Reply;
use crate::call::state::{Call, NewCall};
use crate::call::{BrandFacts, CallerFacts, CarrierFacts};
use crate::ids::AgentId;
use crate::phone_number::PhoneNumber;
use crate::rules::{DestinationPolicy, Prompt, Rules};
use crate::shortlist::facts::{AgentFacts, LoadedFacts};

/// A call to be played, and everything that is known when it comes in.
#[derive(Debug, Clone)]
pub struct Scenario<'a> {
    /// The rules to play it by.
    pub rules: &'a Rules,
    /// Where outbound legs may go.
    pub destinations: &'a DestinationPolicy,
    /// The call: who calls which number when.
    pub call: NewCall,
    /// What is known of the caller.
    pub caller: CallerFacts,
    /// What is known of the carrier.
    pub carrier: CarrierFacts,
    /// What is in force for the brand.
    pub brand: BrandFacts,
    /// Facts about the members of the brand's roster, in its order, and the account's legs.
    pub loaded: LoadedFacts,
    /// Facts about agents of other brands that share agents with this one: whether those brands rely on somebody.
    pub others: &'a HashMap<AgentId, AgentFacts>,
    /// What the caller presses, prompt by prompt; none is silence, and after the last one the caller is silent.
    pub keys: &'a [Option<char>],
    /// How the caller meets what is not the menu.
    pub presses: Presses<'a>,
    /// What agents do whose phones ring; whoever is not named lets it ring.
    pub agents: &'a HashMap<AgentId, Behaviour>,
    /// The caller hangs up so long after the arrival, unless connected by then; never, if absent.
    pub leaves_after: Option<TimeDelta>,
}

/// How a caller meets a challenge and the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presses<'a> {
    /// By the same keys: whoever presses one at a challenge presses the one asked for, and each document of the queue that
    /// listens is a prompt.
    AsAsked,
    /// As it is known of a call that was.
    AsKnown {
        /// What was pressed at the challenges, one by one.
        challenges: &'a [Option<char>],
        /// The caller asked for the recorder so long after the arrival.
        recorder: Option<TimeDelta>,
    },
}

/// What an agent does whose phone rings. Spans are counted from the first ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// Picks up after so long and presses 1.
    Accepts(TimeDelta),
    /// Picks up after so long and presses another key.
    Declines(TimeDelta),
    /// Picks up after so long and presses nothing.
    SaysNothing(TimeDelta),
    /// The phone is busy.
    Busy,
    /// Lets it ring.
    RingsOut,
}

/// What a caller hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// These words.
    Words(String),
    /// A recording of the brand's, at this address.
    Audio(String),
    /// Ringback.
    Ringback,
    /// The recorder's tone.
    Tone,
    /// The refusal tone.
    Refusal,
}

/// One thing that happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// When, counted from the arrival.
    pub after: TimeDelta,
    /// What.
    pub what: What,
}

/// What happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// The caller hears something.
    Hears(Heard),
    /// The caller presses a key.
    Presses(char),
    /// An agent's phone begins to ring.
    Rings(AgentId),
    /// An agent's phone has stopped, and so it ended.
    Stops(AgentId, LegEnd),
    /// A phone outside the roster rings: the operator's, or another number.
    LineRings(PhoneNumber),
    /// Agent and caller meet.
    Meets(AgentId),
    /// The caller hangs up.
    Leaves,
}

/// What becomes of the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The agent owns the call.
    Answered(AgentId),
    /// The caller stands at the recorder, and may leave a message.
    Recorder,
    /// It is over.
    Ended(Ending),
    /// It was not over after five minutes, which a call always should be.
    Open,
}

/// What would happen.
#[derive(Debug, Clone, PartialEq)]
pub struct Simulation {
    /// Everything in order of time.
    pub steps: Vec<Step>,
    /// What becomes of the caller.
    pub outcome: Outcome,
    /// What became of the call, and why each phone rang or did not.
    pub explanation: Explanation,
    /// The call at the end.
    pub call: Call,
    /// When the simulation stopped.
    pub ended_at: DateTime<Utc>,
    /// Prompts of the scenario's keys that never came.
    pub keys_unused: usize,
    /// Menus that came to their end.
    pub menus: usize,
    /// Challenges that came to their end.
    pub challenges: usize,
}

/// How long words take to say: about 15 letters a second.
#[must_use]
pub fn spoken_for(words: &str) -> TimeDelta {
    let letters = i64::try_from(words.chars().count()).unwrap_or(i64::MAX);
    TimeDelta::milliseconds(letters.saturating_mul(65).max(300))
}

/// What the caller hears of a reply, in order.
#[must_use]
pub fn heard_in(reply: &Reply) -> Vec<Heard> {
    let words = |words: &String| Heard::Words(words.clone());
    match reply {
        Reply::Refuse => vec![Heard::Refusal],
        Reply::Hold | Reply::KeepWaiting { .. } => vec![Heard::Ringback],
        Reply::Challenge { words: said, .. }
        | Reply::AskSwitch { words: said }
        | Reply::SayNotice { words: said, .. }
        | Reply::SayAndHangUp { words: said } => vec![words(said)],
        Reply::AskMenu { prompt: Prompt::Words(said), .. } => vec![words(said)],
        Reply::AskMenu { prompt: Prompt::Audio(address), .. } => vec![Heard::Audio(address.clone())],
        Reply::RingLine { words: said, .. }
        | Reply::Wait { words: said, .. }
        | Reply::RingTogether { words: said, .. } => said.iter().map(words).collect(),
        Reply::TakeVoicemail { greeting, .. } if greeting.is_empty() => vec![Heard::Tone],
        Reply::TakeVoicemail { greeting, .. } => vec![words(greeting), Heard::Tone],
        // What agents and lines hear, and what makes no sound.
        Reply::Nothing
        | Reply::AskCode { .. }
        | Reply::LeaveQueue
        | Reply::AskLine { .. }
        | Reply::AskToAccept { .. }
        | Reply::OneMoment
        | Reply::Bridge
        | Reply::JoinRoom { .. }
        | Reply::HangUp => Vec::new(),
    }
}
