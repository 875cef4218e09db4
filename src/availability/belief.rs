//! What one agent's reports amount to. Pure: instants come in as values.
//!
//! | heard | believed |
//! | --- | --- |
//! | online or busy, anywhere | at once |
//! | offline over the websocket: the agent chose it | at once |
//! | absent over the websocket, offline over REST: perhaps a quiet tab | once it has been so for the grace |
//! | nothing at all | the last known state, for the hold; then the shift alone decides |
//!
//! The agent's own switch stands above all of it: off is off, on is on, whatever Chatwoot says.
//! Source: DESIGN.md section 5; contracts/chatwoot.md 7.5.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// How long an absence must last to be believed. Measured: a throttled tab reads offline for 32 to 41 s of every minute
/// (contract 13, point 3).
pub const GRACE: TimeDelta = TimeDelta::seconds(60);
/// How long the last known state holds with Chatwoot out of reach.
pub const HOLD: TimeDelta = TimeDelta::minutes(30);

/// What an agent's status is believed to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Takes calls.
    Online,
    /// At work, takes no calls.
    Busy,
    /// Away, by choice or for longer than the grace.
    Offline,
}

/// Where a belief comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Chatwoot's websocket.
    Cable,
    /// Chatwoot's list of agents.
    Rest,
    /// The agent's own phone switch.
    Switch,
    /// Nobody: only the shift says whether they work.
    ShiftAlone,
}

/// An agent's own word on calls, above Chatwoot's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhoneSwitch {
    /// Follows Chatwoot's status.
    #[default]
    FollowChatwoot,
    /// Takes calls whatever Chatwoot says.
    On,
    /// Takes none, until switched again.
    Off,
    /// Takes none before this instant; from it on follows Chatwoot's status again.
    OffUntil(DateTime<Utc>),
}

/// One report about one agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// What was said; none when the websocket did not mention the agent.
    pub status: Option<Status>,
    /// [`Source::Cable`] or [`Source::Rest`].
    pub source: Source,
    /// When it was heard.
    pub at: DateTime<Utc>,
}

impl Heard {
    /// Over the websocket; `None` for an agent it did not mention.
    #[must_use]
    pub fn cable(status: Option<Status>, at: DateTime<Utc>) -> Self {
        Self { status, source: Source::Cable, at }
    }

    /// From the list of agents.
    #[must_use]
    pub fn rest(status: Status, at: DateTime<Utc>) -> Self {
        Self { status: Some(status), source: Source::Rest, at }
    }

    /// The status to believe at once, if this is one; otherwise a mere absence.
    fn believed_at_once(&self) -> Option<Status> {
        match (self.status, self.source) {
            (Some(Status::Offline), Source::Cable) => Some(Status::Offline),
            (None | Some(Status::Offline), _) => None,
            (Some(status), _) => Some(status),
        }
    }
}

/// How long beliefs last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// After [`Belief::last_heard_at`], how long the state holds: less than this is held, this and more is not.
    pub hold: TimeDelta,
}

impl Default for Limits {
    fn default() -> Self {
        Self { hold: HOLD }
    }
}

/// What we believe of one agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Belief {
    /// The status believed; none until the first is.
    pub status: Option<Status>,
    /// Who said so: the websocket or REST, [`Source::ShiftAlone`] until anything is heard.
    pub source: Source,
    /// Since when this status is believed.
    pub since: DateTime<Utc>,
    /// When Chatwoot last said anything that concerns this agent, an absence included.
    pub last_heard_at: Option<DateTime<Utc>>,
    /// Whether the status is offline because of an absence that outlasted the grace, rather than by choice.
    pub is_absence: bool,
    /// Since when reports have been absences; none while the last one was not.
    pub missing_since: Option<DateTime<Utc>>,
    /// The agent's own switch.
    pub switch: PhoneSwitch,
    /// When the switch was last set.
    pub switched_at: Option<DateTime<Utc>>,
}

/// Whether an agent takes calls now, why, and how old the knowledge is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// May be rung, as far as availability goes.
    Available {
        /// Who says so.
        by: Source,
        /// Time since it was last said; for the switch since it was set. Zero when nobody ever said anything.
        age: TimeDelta,
    },
    /// Must not be rung.
    Unavailable {
        /// Why.
        reason: Reason,
        /// Who says so.
        by: Source,
        /// As above.
        age: TimeDelta,
    },
}

impl Verdict {
    /// Whether the agent may be rung.
    #[must_use]
    pub fn is_available(&self) -> bool {
        matches!(self, Self::Available { .. })
    }
}

/// Why an agent takes no calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Their own switch is off.
    SwitchedOff,
    /// Busy in Chatwoot.
    Busy,
    /// Offline in Chatwoot, by choice.
    Offline,
    /// Chatwoot has not seen their browser for longer than the grace.
    Absent,
}

impl Belief {
    /// Nothing is known: the shift alone decides.
    #[must_use]
    pub fn unknown(now: DateTime<Utc>) -> Self {
        Self {
            status: None,
            source: Source::ShiftAlone,
            since: now,
            last_heard_at: None,
            is_absence: false,
            missing_since: None,
            switch: PhoneSwitch::FollowChatwoot,
            switched_at: None,
        }
    }

    /// Takes in a report. Says whether the believed status changed. A report older than the last one changes nothing.
    pub fn hear(&mut self, report: Heard, grace: TimeDelta) -> bool {
        if self.last_heard_at.is_some_and(|last| report.at < last) {
            return false;
        }
        let silent_for = self.last_heard_at.map_or(TimeDelta::zero(), |last| report.at - last);
        self.last_heard_at = Some(report.at);
        if let Some(status) = report.believed_at_once() {
            self.missing_since = None;
            return self.believe(status, false, &report);
        }
        // Absences on both sides of a long silence say nothing of the time between.
        if silent_for > grace {
            self.missing_since = None;
        }
        let missing_since = *self.missing_since.get_or_insert(report.at);
        // Only a further report ends the grace: one absence and then silence is Chatwoot out of reach, not an agent away.
        if report.at - missing_since < grace {
            return false;
        }
        // Offline by choice stays so: the browser may close after that.
        let was_choice = self.status == Some(Status::Offline) && !self.is_absence;
        self.believe(Status::Offline, !was_choice, &report)
    }

    /// Takes in the agent's own word.
    pub fn switch(&mut self, switch: PhoneSwitch, now: DateTime<Utc>) {
        self.switch = switch;
        self.switched_at = Some(now);
    }

    /// Whether the agent takes calls at `now`, shifts aside.
    #[must_use]
    pub fn is_available(&self, now: DateTime<Utc>, limits: &Limits) -> Verdict {
        let switched = self.switched_at.map_or(TimeDelta::zero(), |at| age(now, at));
        match self.switch {
            PhoneSwitch::Off => return switched_off(switched),
            PhoneSwitch::OffUntil(end) if now < end => return switched_off(switched),
            PhoneSwitch::On => {
                return Verdict::Available { by: Source::Switch, age: switched };
            }
            PhoneSwitch::FollowChatwoot | PhoneSwitch::OffUntil(_) => {}
        }
        let heard = self.last_heard_at.map(|at| age(now, at));
        let (Some(status), Some(age)) = (self.status, heard.filter(|age| *age < limits.hold)) else {
            return Verdict::Available { by: Source::ShiftAlone, age: heard.unwrap_or_default() };
        };
        let by = self.source;
        match status {
            Status::Online => Verdict::Available { by, age },
            Status::Busy => Verdict::Unavailable { reason: Reason::Busy, by, age },
            Status::Offline if self.is_absence => Verdict::Unavailable { reason: Reason::Absent, by, age },
            Status::Offline => Verdict::Unavailable { reason: Reason::Offline, by, age },
        }
    }

    fn believe(&mut self, status: Status, is_absence: bool, report: &Heard) -> bool {
        let is_change = self.status != Some(status) || self.is_absence != is_absence;
        if is_change {
            self.since = report.at;
        }
        self.status = Some(status);
        self.is_absence = is_absence;
        self.source = report.source;
        is_change
    }
}

/// Time passed, never negative: a clock set back makes knowledge fresh, not invalid.
fn age(now: DateTime<Utc>, then: DateTime<Utc>) -> TimeDelta {
    (now - then).max(TimeDelta::zero())
}

fn switched_off(age: TimeDelta) -> Verdict {
    Verdict::Unavailable { reason: Reason::SwitchedOff, by: Source::Switch, age }
}

#[cfg(test)]
#[path = "belief_tests.rs"]
mod tests;
