//! What can go wrong on purpose: a server that is down, slow or refuses, replies that are lost, commits that come late.

use chrono::TimeDelta;
use serde_json::{Value, json};

/// How the server behaves towards every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum State {
    /// As it should.
    #[default]
    Ok,
    /// Every connection is closed without an answer, open cables too.
    Down,
    /// Every request is done at once, but answered only after the delay.
    Slow,
    /// Every request is refused with 429.
    TooMany,
    /// Every request is refused with 500.
    Broken,
}

impl State {
    /// The word the demo page uses.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Down => "down",
            Self::Slow => "slow",
            Self::TooMany => "429",
            Self::Broken => "500",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        [Self::Ok, Self::Down, Self::Slow, Self::TooMany, Self::Broken].into_iter().find(|state| state.word() == word)
    }
}

/// What is to go wrong once, with one kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is done, and the reply is lost.
    LoseReply,
    /// It is done this much later, and never answered.
    CommitLate(TimeDelta),
}

/// All switches.
#[derive(Debug)]
pub(super) struct Switches {
    pub(super) state: State,
    /// How late answers come in [`State::Slow`], by the injected clock.
    pub(super) delay: TimeDelta,
    /// Whether webhooks are sent.
    pub(super) sends_webhooks: bool,
    /// The largest file that passes, in bytes: a proxy before the server refuses others.
    pub(super) upload_max: Option<usize>,
    faults: Vec<(String, Fault)>,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            state: State::Ok,
            delay: TimeDelta::seconds(30),
            sends_webhooks: true,
            upload_max: None,
            faults: Vec::new(),
        }
    }
}

impl Switches {
    /// The switches as the demo page shows them.
    pub(super) fn shown(&self) -> Value {
        json!({
            "state": self.state.word(), "slow_ms": self.delay.num_milliseconds(),
            "webhooks": if self.sends_webhooks { "on" } else { "off" },
        })
    }

    /// Sets the switches that `wanted` names.
    pub(super) fn set(&mut self, wanted: &Value) -> Result<(), String> {
        if let Some(state) = wanted.get("state") {
            let known = state.as_str().and_then(State::from_word);
            self.state = known.ok_or_else(|| format!("no such state: {state}"))?;
        }
        if let Some(delay) = wanted.get("slow_ms") {
            let delay =
                delay.as_i64().and_then(TimeDelta::try_milliseconds).ok_or("slow_ms is a number of milliseconds")?;
            self.delay = delay;
        }
        if let Some(webhooks) = wanted.get("webhooks") {
            self.sends_webhooks = match webhooks.as_str() {
                Some("on") => true,
                Some("off") => false,
                _ => return Err("webhooks are on or off".to_owned()),
            };
        }
        Ok(())
    }

    /// Arms a fault for the next request of a route.
    pub(super) fn arm(&mut self, route: &str, fault: Fault) {
        self.faults.push((route.to_owned(), fault));
    }

    /// Takes the fault that waits for a route, if one does.
    pub(super) fn take_fault(&mut self, route: &str) -> Option<Fault> {
        let place = self.faults.iter().position(|(armed, _)| armed == route)?;
        Some(self.faults.remove(place).1)
    }
}
