//! A supervisor keys in a code, on any call of the brand, and sends everything to the operator line. DESIGN.md section 8.
//!
//! The digits never come here: whoever asks the carrier looks at them, and the signal carries the verdict alone. While a
//! code is typed the call stays where it is, its phones go on ringing and its clock stops; whatever is wrong with the
//! code leads back there. A good one ends the ring: a supervisor's own call rings nobody.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::event::{Ending, Event, LegEnd};
use super::reply::Reply;
use super::signal::CallerDoor;
use super::state::{Call, CallerAt, Stage};
use super::switch::{NewSwitch, SwitchChange, SwitchKind, SwitchedBy, SwitchedHow};
use super::turn::Turn;
use super::way_in::LinePurpose;
use super::words;
use crate::ids::SupervisorId;
use crate::rules::{self, Brand, Rules};

/// The key of supervisors. Source: DESIGN.md section 8.
pub const SUPERVISOR_KEY: char = '*';

/// Codes may be typed for so long on one call, all together. Source: DESIGN.md section 8.
pub const CODE_TIME: TimeDelta = TimeDelta::seconds(30);

/// Codes that one call may try. Source: THREATS.md T-28.
pub const CODES_MAX: u32 = 3;

/// So little time is left that nobody could type a code in it.
const CODE_TIME_MIN: TimeDelta = TimeDelta::seconds(5);

/// Counted from the arrival, no code may be begun after so long: what follows has bounds of its own, and all of them
/// together fit into two minutes. Source: DESIGN.md section 11, invariant 4.
const CODES_END: TimeDelta = TimeDelta::seconds(75);

/// A supervisor is asked so often what to do.
const ASKED_MAX: u32 = 3;

/// A document that asks what to do is back after so long.
pub(super) const SWITCH_TAKES: TimeDelta = TimeDelta::seconds(30);

/// Why the history says an override was turned on by keypad.
const REASON: &str = "keyed in on a call";

/// What came of a code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum CodeVerdict {
    /// It is this supervisor's, who may override the brand.
    Good { supervisor: SupervisorId },
    /// It is nobody's.
    Wrong,
    /// It was not looked at, since too many were tried.
    Refused,
    /// Nothing was typed.
    Nothing,
    /// No code is awaited: too late, or repeated.
    NotAsked,
}

impl CodeVerdict {
    /// The word that stands in metrics and logs.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Good { .. } => "good",
            Self::Wrong => "wrong",
            Self::Refused => "refused",
            Self::Nothing => "nothing",
            Self::NotAsked => "not_asked",
        }
    }
}

/// How the typing of a code ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodeEnd {
    /// The code was right.
    Good,
    /// The code was wrong.
    Wrong,
    /// The code was not looked at, since too many were tried.
    Refused,
    /// Nothing was typed.
    Nothing,
    /// The time was over.
    TimedOut,
    /// The caller went elsewhere meanwhile: to an agent, or away.
    Left,
}

/// What a call keeps of codes that were typed on it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Codes {
    /// The prompt that is open now.
    pub open: Option<OpenCode>,
    /// Codes looked at so far.
    pub tries: u32,
    /// Milliseconds spent on typing so far.
    pub spent_ms: i64,
    /// Who gave a good one.
    pub supervisor: Option<SupervisorId>,
    /// How often that supervisor was asked what to do.
    pub asked: u32,
}

/// A prompt for a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenCode {
    /// Since when.
    pub since: DateTime<Utc>,
    /// A code that comes later is not looked at.
    pub until: DateTime<Utc>,
    /// Whether the caller stands in the queue, where only documents for the queue may follow.
    pub in_queue: bool,
    /// When the ring would have ended without this prompt; none before it begins.
    #[serde(default)]
    pub ring_over_at: Option<DateTime<Utc>>,
}

/// Whether a supervisor may key a code in on the brand's calls: there is an operator line, and somebody who may send
/// calls there.
#[must_use]
pub fn hears_supervisor(rules: &Rules, brand: &Brand) -> bool {
    let may = |supervisor: &rules::Supervisor| supervisor.brands.is_empty() || supervisor.brands.contains(&brand.id);
    brand.operator.is_some() && rules.supervisors.iter().any(may)
}

/// How much longer than its ring a leg is left ringing at the carrier, which is told once how long: a code that is typed
/// meanwhile stops the ring's clock. At the deadline we stop the leg ourselves.
#[must_use]
pub fn spare_ring(rules: &Rules, brand: &Brand) -> TimeDelta {
    if hears_supervisor(rules, brand) { CODE_TIME } else { TimeDelta::zero() }
}

impl Call {
    /// Whether a code is awaited.
    #[must_use]
    pub fn awaits_code(&self, now: DateTime<Utc>) -> bool {
        self.codes.open.is_some_and(|open| now < open.until)
            && matches!(
                self.stage,
                Stage::Hold | Stage::Challenge { .. } | Stage::Menu { .. } | Stage::Notice { .. } | Stage::Waiting
            )
    }

    /// Changes the call by an event of a supervisor.
    pub(super) fn apply_supervisor(&mut self, event: &Event, now: DateTime<Utc>) {
        match event {
            Event::CodeAsked { until, in_queue, deadline_at } => {
                let ring_over_at = self.deadline_at;
                self.codes.open = Some(OpenCode { since: now, until: *until, in_queue: *in_queue, ring_over_at });
                self.deadline_at = deadline_at.or(self.deadline_at);
                self.next_poll_at = in_queue.then_some(*until);
                self.hand_document(now);
            }
            Event::CodeEnded { how, deadline_at } => {
                if let Some(open) = self.codes.open.take() {
                    self.codes.spent_ms += (now.min(open.until) - open.since).num_milliseconds().max(0);
                }
                self.codes.tries += u32::from(matches!(how, CodeEnd::Wrong | CodeEnd::Refused));
                self.deadline_at = deadline_at.or(self.deadline_at);
                if *how != CodeEnd::TimedOut {
                    self.hear_caller(now);
                }
            }
            Event::SupervisorKnown { supervisor } => {
                self.codes.supervisor = Some(supervisor.clone());
                self.stage = Stage::Supervisor;
            }
            Event::SwitchAsked => {
                self.codes.asked += 1;
                self.hand_document(now);
                if !matches!(self.caller_at, CallerAt::Queue) {
                    self.caller_at = CallerAt::Prompt;
                }
            }
            Event::OverrideChosen { .. } => self.step += 1,
            _ => {}
        }
    }
}

impl Turn<'_> {
    /// A caller pressed the key that begins a code, in any document that listens. In the queue only documents for the
    /// queue may follow.
    pub(super) fn on_supervisor_key(&mut self, in_queue: bool) -> Reply {
        self.end_code(CodeEnd::Left);
        let left = self.code_time_left();
        let is_here = matches!(
            self.call.stage,
            Stage::Hold | Stage::Challenge { .. } | Stage::Menu { .. } | Stage::Notice { .. } | Stage::Waiting
        );
        if !self.may_try_code() || !is_here {
            return self.return_from_code(in_queue);
        }
        // The ring clock stops, as far as the whole wait allows.
        let latest = self.latest_answer();
        let deadline_at = self.call.deadline_at.map(|at| at.max((at + left).min(latest)));
        self.record(Event::CodeAsked { until: self.now + left, in_queue, deadline_at });
        Reply::AskCode { in_queue }
    }

    fn code_time_left(&self) -> TimeDelta {
        CODE_TIME - TimeDelta::milliseconds(self.call.codes.spent_ms)
    }

    /// Whether a code may still be typed on this call.
    fn may_try_code(&self) -> bool {
        let is_early = self.now < self.call.arrived_at + CODES_END;
        self.call.codes.tries < CODES_MAX && self.code_time_left() >= CODE_TIME_MIN && is_early
    }

    /// The prompt is closed, and the clock goes on: the ring has the time that it had, and never less.
    pub(super) fn end_code(&mut self, how: CodeEnd) {
        let Some(open) = self.call.codes.open else { return };
        let typed = (self.now.min(open.until) - open.since).max(TimeDelta::zero());
        let latest = self.latest_answer();
        // A prompt that was saved before its ring's end was kept goes by the deadline that it was given.
        let deadline_at = open.ring_over_at.map(|at| at.max((at + typed).min(latest))).or(self.call.deadline_at);
        self.record(Event::CodeEnded { how, deadline_at });
    }

    /// The time for typing is over though nobody came back.
    pub(super) fn end_overdue_code(&mut self) {
        if self.call.codes.open.is_some_and(|open| self.now >= open.until) {
            self.end_code(CodeEnd::TimedOut);
        }
    }

    /// Whether somebody is typing a code now.
    pub(super) fn is_code_typed(&self) -> bool {
        self.call.codes.open.is_some_and(|open| self.now < open.until)
    }

    pub(super) fn on_code_tried(&mut self, in_queue: bool, verdict: &CodeVerdict) -> Reply {
        let is_awaited = self.call.awaits_code(self.now);
        match verdict {
            CodeVerdict::Good { supervisor } if is_awaited => {
                let supervisor = supervisor.clone();
                self.end_code(CodeEnd::Good);
                self.close_open_legs(LegEnd::CallerLeft);
                self.record(Event::SupervisorKnown { supervisor });
                return self.ask_switch();
            }
            CodeVerdict::Wrong => self.end_code(CodeEnd::Wrong),
            CodeVerdict::Refused => self.end_code(CodeEnd::Refused),
            CodeVerdict::Nothing => self.end_code(CodeEnd::Nothing),
            CodeVerdict::NotAsked | CodeVerdict::Good { .. } => self.end_overdue_code(),
        }
        self.return_from_code(in_queue)
    }

    /// Back to where the caller was: the same document, which listens again while a code may still be tried.
    fn return_from_code(&mut self, in_queue: bool) -> Reply {
        match self.call.stage {
            Stage::Supervisor => self.ask_switch(),
            Stage::Hold if self.may_try_code() => {
                self.record(Event::HoldBegan);
                Reply::Hold
            }
            // A code is no answer to the challenge, and costs none of its turns.
            Stage::Challenge { turn } if self.may_try_code() => self.challenge(turn),
            _ if in_queue => self.on_wait_polled(),
            _ => self.on_caller_asks(CallerDoor::Elsewhere),
        }
    }

    /// Asks the supervisor what to do.
    pub(super) fn ask_switch(&mut self) -> Reply {
        if self.call.codes.asked >= ASKED_MAX {
            return self.finish_supervisor(words::NOTHING_CHANGED.to_owned());
        }
        self.record(Event::SwitchAsked);
        Reply::AskSwitch { words: words::ask_switch(&self.brand.name) }
    }

    pub(super) fn on_switch_chosen(&mut self, key: Option<char>) -> Reply {
        if self.call.stage != Stage::Supervisor {
            return self.on_caller_asks(CallerDoor::Elsewhere);
        }
        let Some(supervisor) = self.call.codes.supervisor.clone() else { return self.ask_switch() };
        let by = SwitchedBy::Supervisor(supervisor);
        let hours = match key {
            Some('1') => 1,
            Some('2') => 4,
            Some('3') => {
                let (brand, kind) = (self.brand.id.clone(), SwitchKind::Override);
                self.turn_switch(SwitchChange::End { brand, kind, by });
                self.record(Event::OverrideChosen { until: None });
                return self.finish_supervisor(words::override_off(&self.brand.name));
            }
            Some(_) | None => return self.ask_switch(),
        };
        let until = self.now + TimeDelta::hours(hours);
        let switch = NewSwitch {
            brand: self.brand.id.clone(),
            kind: SwitchKind::Override,
            until,
            by,
            how: SwitchedHow::Keypad,
            reason: REASON.to_owned(),
            include_waiting: false,
        };
        self.turn_switch(SwitchChange::Begin { switch });
        self.record(Event::OverrideChosen { until: Some(until) });
        self.finish_supervisor(words::override_on(&self.brand.name, hours))
    }

    pub(super) fn finish_supervisor(&mut self, words: String) -> Reply {
        self.end(Ending::Supervisor);
        self.say_goodbye(words)
    }

    /// Somebody overrode the brand and takes along those who wait: one whom the operator line can take goes there.
    pub(super) fn on_overridden(&mut self) {
        let is_fetchable = matches!(self.call.caller_at, CallerAt::Queue | CallerAt::Leaving);
        if self.call.stage != Stage::Waiting || !is_fetchable || self.call.caller_left_at.is_some() {
            return;
        }
        let Some(chosen) = self.operator_line(LinePurpose::Override) else { return };
        self.end_code(CodeEnd::Left);
        self.close_open_legs(LegEnd::CallerLeft);
        self.record(chosen);
        self.fetch_caller_unless_soon_back();
    }
}
