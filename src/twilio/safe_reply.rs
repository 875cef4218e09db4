//! What is answered when nothing better can be: one document per door, written at start. Source: DESIGN.md section 4.

use std::collections::BTreeMap;

use super::twiml::play_ringback;
use super::urls::{Addresses, Door};
use super::verb::{Verb, write_document};

/// After so many failures in a row a waiting caller is sent on.
pub const WAIT_FAILURES_MAX: u32 = 3;

/// What the safe replies say.
#[derive(Debug, Clone, Copy)]
pub struct SafeWords<'a> {
    /// Before the tone.
    pub greeting: &'a str,
    /// To an agent, before hanging up.
    pub to_agent: &'a str,
    /// The voice.
    pub voice: &'a str,
    /// Its language.
    pub language: &'a str,
}

/// The safe replies, ready in memory.
#[derive(Debug, Clone)]
pub struct SafeReplies {
    documents: BTreeMap<Door, String>,
    leave: String,
}

impl SafeReplies {
    /// Writes them all.
    #[must_use]
    pub fn new(addresses: &Addresses, words: &SafeWords<'_>) -> Self {
        let documents = Door::ALL.iter().map(|door| (*door, write_document(verbs(*door, addresses, words)))).collect();
        Self { documents, leave: write_document([Verb::new("Leave")]) }
    }

    /// Whether the door's document sends a caller to the recorder.
    #[must_use]
    pub fn records(&self, door: Door) -> bool {
        self.documents.get(&door).is_some_and(|document| document.contains("<Record"))
    }

    /// The document for that door. `failures`: how often in a row this caller's wait has failed, this time included.
    #[must_use]
    pub fn for_door(&self, door: Door, failures: u32) -> &str {
        if matches!(door, Door::Wait | Door::WaitKey | Door::WaitCode) && failures >= WAIT_FAILURES_MAX {
            return &self.leave;
        }
        self.documents.get(&door).map_or("", String::as_str)
    }
}

fn verbs(door: Door, addresses: &Addresses, words: &SafeWords<'_>) -> Vec<Verb> {
    match door {
        Door::Voice
        | Door::Fallback
        | Door::Left
        | Door::Join
        | Door::RoomLeft
        | Door::DialEnded
        | Door::FirstKey
        | Door::Challenge
        | Door::Code
        | Door::Menu
        | Door::Notice
        | Door::LineEnded
        | Door::Continue => take_voicemail(addresses, words),
        Door::VoicemailDone | Door::AgentLeftRoom => vec![Verb::new("Hangup")],
        Door::Wait | Door::WaitKey | Door::WaitCode => vec![play_ringback(addresses, 5)],
        // Without an address: the same again.
        Door::RoomWait => vec![play_ringback(addresses, 6), Verb::new("Redirect")],
        // Without the hang-up a leg would be let through that nobody accepted on.
        // A supervisor, who may call again; nobody else gets there.
        Door::Switch
        | Door::AgentAnswer
        | Door::AgentAccept
        | Door::AgentGone
        | Door::Screen
        | Door::ScreenKey
        | Door::LineScreen
        | Door::LineKey => {
            let sorry = Verb::say(words.to_agent, words.voice, words.language);
            sorry.into_iter().chain([Verb::new("Hangup")]).collect()
        }
        Door::CallStatus
        | Door::RoomEvents
        | Door::AgentStatus
        | Door::LineStatus
        | Door::Recording
        | Door::Transcript => Vec::new(),
    }
}

/// Greeting and tone, at addresses that name no call: what is recorded is adopted by the caller's leg.
fn take_voicemail(addresses: &Addresses, words: &SafeWords<'_>) -> Vec<Verb> {
    let record = Verb::new("Record")
        .with("action", addresses.plain(Door::VoicemailDone))
        .with("method", "POST")
        .with("maxLength", 120)
        .with("timeout", 10)
        .with("finishOnKey", "#")
        .with("playBeep", true)
        .with("trim", "trim-silence")
        .with("recordingStatusCallback", addresses.plain(Door::Recording))
        .with("recordingStatusCallbackMethod", "POST")
        .with("recordingStatusCallbackEvent", "completed absent");
    let greeting = Verb::say(words.greeting, words.voice, words.language);
    greeting.into_iter().chain([record, Verb::new("Hangup")]).collect()
}
