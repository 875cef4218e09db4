//! A line outside the roster: the operator's, or another number. Source: DESIGN.md sections 2.2, 2.3 and 2.12.
//!
//! Whoever picks up is asked to press 1, unless that is switched off for the line; what was never confirmed is never
//! bridged, so that a voicemail swallows nobody. Without a confirmation an override goes the normal way, and a path ends
//! at the recorder.

use chrono::{DateTime, TimeDelta, Utc};

use super::arrival::{Step, WHOLE_WAIT_MAX};
use super::event::{Ending, Event};
use super::reply::Reply;
use super::state::Stage;
use super::turn::Turn;
use super::way_in::{LinePurpose, OutsideLine};
use super::words;
use crate::phone_number::PhoneNumber;
use crate::rules::{Path, PathKind};

/// The carrier lets a dial ring so much longer than it was told. Contract twilio.md 2.4.
const CARRIER_BUFFER: TimeDelta = TimeDelta::seconds(5);

/// Whoever picked up last hears the prompt and is listened to for so long.
const CONFIRMING_TAKES: TimeDelta = TimeDelta::seconds(12);

/// Seconds to listen for the key after the words.
const LISTEN_S: u32 = 5;

/// A line that is not the operator's rings so long, in seconds.
const NUMBER_RINGS_S: i64 = 25;

/// The shortest ring the carrier takes, in seconds. Contract twilio.md 2.4.
const RING_MIN_S: i64 = 5;

/// The operator line of an override is done by then, counted from the arrival: the normal way may have to follow.
const OVERRIDE_ENDS: TimeDelta = TimeDelta::seconds(60);

/// Whoever asks again so soon after the line was handed out has not heard it ring.
const ASKED_TWICE: TimeDelta = TimeDelta::seconds(3);

/// The key that takes the call.
const TAKE_KEY: char = '1';

/// A line that may be rung.
struct Candidate {
    number: PhoneNumber,
    confirm: bool,
    ring_s: i64,
}

impl Turn<'_> {
    /// Rings the brand's operator line; none if there is none, or it may not be rung now.
    pub(super) fn ring_operator(&mut self, purpose: LinePurpose) -> Option<Reply> {
        let chosen = self.operator_line(purpose)?;
        self.record(chosen);
        Some(self.hand_out_line())
    }

    /// The brand's operator line, to be rung with the next document; none if there is none that may be rung.
    pub(super) fn operator_line(&self, purpose: LinePurpose) -> Option<Event> {
        self.choose_line(self.operator_candidate()?, purpose)
    }

    /// The line of a path, to be rung with the next document; none if there is none that may be rung.
    pub(super) fn line_of_path(&self, path: &Path) -> Option<Event> {
        self.choose_line(self.candidate_of(path)?, LinePurpose::Path)
    }

    fn operator_candidate(&self) -> Option<Candidate> {
        let line = self.brand.operator.as_ref()?;
        let ring_s = i64::try_from(line.ring.as_secs()).unwrap_or(i64::MAX);
        Some(Candidate { number: line.number.clone(), confirm: line.confirm, ring_s })
    }

    fn candidate_of(&self, path: &Path) -> Option<Candidate> {
        match &path.kind {
            PathKind::Operator => self.operator_candidate(),
            // The operator's number, written out: as the operator line says.
            PathKind::Number { number } if self.brand.operator.as_ref().is_some_and(|line| line.number == *number) => {
                self.operator_candidate()
            }
            // A personal phone as likely as not, whose voicemail would take the caller for good: a key is asked for.
            PathKind::Number { number } => {
                Some(Candidate { number: number.clone(), confirm: true, ring_s: NUMBER_RINGS_S })
            }
            PathKind::Voicemail | PathKind::Message { .. } | PathKind::RingAnyway => None,
        }
    }

    fn choose_line(&self, candidate: Candidate, purpose: LinePurpose) -> Option<Event> {
        let left = self.line_time_left(purpose, candidate.confirm);
        if left < RING_MIN_S || !self.may_ring_outside(&candidate.number) {
            return None;
        }
        Some(Event::LineChosen {
            attempt: self.call.line.as_ref().map_or(0, |line| line.attempt) + 1,
            purpose,
            number: candidate.number,
            confirm: candidate.confirm,
            ring_s: u32::try_from(candidate.ring_s.min(left)).unwrap_or(0),
        })
    }

    /// Through the destination policy, within the account's caps, not back to ourselves, and not to a phone that a leg
    /// holds: one handset, one call.
    fn may_ring_outside(&self, number: &PhoneNumber) -> bool {
        let is_ours = self.rules.brand_of(number).is_some();
        let is_held = self.rules.agent_of_phone(number).is_some_and(|agent| {
            let facts = self.facts.loaded.agents.iter().find(|facts| facts.agent == agent.id);
            facts.is_some_and(|facts| facts.live_leg.is_some())
                || self.call.live_legs().any(|leg| leg.agent == agent.id)
        });
        !is_ours && !is_held && self.legs_within_caps() > 0 && self.facts.destinations.approve(number).is_ok()
    }

    /// Seconds that a line may ring from now on so that what follows still has its time.
    fn line_time_left(&self, purpose: LinePurpose, confirm: bool) -> i64 {
        let ends = match purpose {
            LinePurpose::Override => OVERRIDE_ENDS,
            LinePurpose::Path => WHOLE_WAIT_MAX,
        };
        (self.call.arrived_at + ends - self.now - after_ring(confirm)).num_seconds()
    }

    /// How much time the fallback path wants for its line, so that the ring before it ends in time.
    pub(super) fn time_of_fallback_line(&self) -> TimeDelta {
        self.candidate_of(self.fallback_path())
            .map_or(TimeDelta::zero(), |candidate| TimeDelta::seconds(candidate.ring_s) + after_ring(candidate.confirm))
    }

    /// The document that rings the chosen line; what follows it, should there be no time left to ring.
    pub(super) fn hand_out_line(&mut self) -> Reply {
        let Some(line) = self.call.line.clone() else { return self.offer_recorder() };
        let words = match line.purpose {
            LinePurpose::Override => None,
            LinePurpose::Path => self.path_words_before_line(),
        };
        let said = words.as_deref().map_or(TimeDelta::zero(), words::spoken_for);
        let ring_s = i64::from(line.ring_s).min(self.line_time_left(line.purpose, line.confirm) - said.num_seconds());
        if ring_s < RING_MIN_S {
            return self.go_past_line(&line);
        }
        let give_up_at = self.now + said + TimeDelta::seconds(ring_s) + CARRIER_BUFFER;
        let agent = self.rules.agent_of_phone(&line.number).map(|agent| agent.id.clone());
        self.record(Event::LineRung { give_up_at, agent });
        Reply::RingLine {
            attempt: line.attempt,
            number: line.number,
            ring_s: u32::try_from(ring_s).unwrap_or(0),
            screened: line.confirm,
            words,
        }
    }

    /// A caller whose state is an outside line asks what comes next: it is rung, or was and the dial is over.
    pub(super) fn receive_caller_of_line(&mut self) -> Reply {
        match self.call.line.clone() {
            None => self.go_on(Step::Hours),
            Some(line) if line.rung_at.is_none() => self.hand_out_line(),
            Some(line) if line.taken_at.is_some() => self.finish_line(),
            // Fetched out of the queue, a caller asks at two doors at once, and hears one of the answers: the same twice.
            Some(line) if line.answered_at.is_none() && self.was_just_rung(&line) => self.hand_out_line(),
            Some(line) => self.go_past_line(&line),
        }
    }

    fn was_just_rung(&self, line: &OutsideLine) -> bool {
        line.rung_at.is_some_and(|at| self.now - at < ASKED_TWICE)
    }

    /// The outside line in question, while the call stands there.
    fn find_line(&self, attempt: u32) -> Option<OutsideLine> {
        let is_there = self.call.stage == Stage::Line && self.call.caller_left_at.is_none();
        self.call.line.clone().filter(|line| is_there && line.attempt == attempt)
    }

    /// Somebody or something picked up and hears what it is about.
    pub(super) fn on_line_asks(&mut self, attempt: u32) -> Reply {
        let Some(line) = self.find_line(attempt) else { return self.tell_line_too_late() };
        if line.answered_at.is_none() {
            self.record(Event::LineAnswered);
        }
        if line.taken_at.is_some() {
            return Reply::Bridge;
        }
        Reply::AskLine { attempt, words: self.accept_prompt(), listen_s: LISTEN_S }
    }

    pub(super) fn on_line_pressed(&mut self, attempt: u32, key: Option<char>) -> Reply {
        let Some(line) = self.find_line(attempt) else {
            return if key.is_some() { self.tell_line_too_late() } else { Reply::HangUp };
        };
        if key != Some(TAKE_KEY) {
            return Reply::HangUp;
        }
        if line.taken_at.is_none() {
            self.record(Event::LineTaken);
        }
        Reply::Bridge
    }

    fn tell_line_too_late(&self) -> Reply {
        let words = if self.call.caller_left_at.is_some() { words::CALLER_GONE } else { words::NO_LONGER };
        Reply::SayAndHangUp { words: words.to_owned() }
    }

    /// The carrier says that the line was picked up; where no key is asked for, that is somebody who takes the call.
    pub(super) fn on_line_answered(&mut self, attempt: u32) {
        let Some(line) = self.find_line(attempt) else { return };
        if line.answered_at.is_none() {
            self.record(Event::LineAnswered);
        }
        if !line.confirm && line.taken_at.is_none() {
            self.record(Event::LineTaken);
        }
    }

    /// The dial is over: they talked, or nobody took it.
    pub(super) fn on_line_ended(&mut self, attempt: u32, bridged: bool) -> Reply {
        let Some(line) = self.find_line(attempt) else {
            return self.on_caller_asks(super::signal::CallerDoor::Elsewhere);
        };
        if !bridged {
            return self.go_past_line(&line);
        }
        if line.taken_at.is_none() {
            self.record(Event::LineTaken);
        }
        self.finish_line()
    }

    /// The conversation on the outside line is over.
    pub(super) fn finish_line(&mut self) -> Reply {
        self.end(Ending::Redirected);
        Reply::HangUp
    }

    /// Nobody there takes it.
    fn go_past_line(&mut self, line: &OutsideLine) -> Reply {
        self.record(Event::LineOver);
        match line.purpose {
            LinePurpose::Override => self.go_on(Step::Hours),
            LinePurpose::Path => self.offer_recorder(),
        }
    }

    /// The caller hung up while an outside line was rung, or talked with.
    pub(super) fn on_caller_gone_at_line(&mut self) {
        let line = self.call.line.as_ref();
        let (taken, purpose) = (line.is_some_and(|line| line.taken_at.is_some()), line.map(|line| line.purpose));
        match purpose {
            _ if taken => self.end(Ending::Redirected),
            Some(LinePurpose::Path) => self.end_on_path(),
            Some(LinePurpose::Override) | None => self.end_without_agent(),
        }
    }
}

impl OutsideLine {
    /// When the dial should be over though nothing was heard; none while they talk, or before it is rung.
    pub(super) fn overdue_at(&self) -> Option<DateTime<Utc>> {
        if self.taken_at.is_some() {
            return None;
        }
        Some(self.give_up_at? + after_ring(self.confirm))
    }
}

/// How long after its ring time a line may still be taken.
fn after_ring(confirm: bool) -> TimeDelta {
    if confirm { CARRIER_BUFFER + CONFIRMING_TAKES } else { CARRIER_BUFFER }
}
