//! A call arrives, and goes from step to step until its phones ring: override, hours, menu, notice, ring.
//!
//! Every step is entered with the document that it hands out. A step that has nothing to say leads to the next one. What
//! is due when a caller comes back is read from the stage alone, so that a document that got lost, or came twice, or was
//! asked for by another replica, is the same document. Source: DESIGN.md section 2, 1 to 7.

use chrono::{DateTime, TimeDelta, Utc};

use super::effect::Effect;
use super::event::{Ending, Event, FallbackReason, LegEnd, RingMethod};
use super::reply::Reply;
use super::signal::CallerDoor;
use super::state::{CallerAt, Stage};
use super::supervisor::{self, SUPERVISOR_KEY};
use super::turn::Turn;
use super::way_in::{ChosenBy, LinePurpose};
use super::words;
use crate::rules::calendar::{self, Status};
use crate::rules::{self, DialStopsAt, PathKind};

/// Everything from arrival to a person, a recorder or the last word fits into so long, with the grace of a phone inside
/// the prompt beyond it. Source: DESIGN.md section 11, invariant 4.
pub(super) const WHOLE_WAIT_MAX: TimeDelta = TimeDelta::seconds(112);

/// The steps of the way in, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    Flood,
    Override,
    Hours,
    Menu,
    Notice,
    Ring,
}

impl<'a> Turn<'a> {
    pub(super) fn on_arrived(&mut self) -> Reply {
        if self.call.stage != Stage::New {
            // Asked for the first document again: the state knows what comes now.
            return match self.call.caller_at {
                CallerAt::Recorder if self.call.stage == Stage::Voicemail => self.offer_recorder(),
                CallerAt::Door
                | CallerAt::Prompt
                | CallerAt::Line
                | CallerAt::Queue
                | CallerAt::Leaving
                | CallerAt::BeingFetched { .. }
                | CallerAt::Dial
                | CallerAt::Room { .. }
                | CallerAt::Recorder
                | CallerAt::Gone => self.on_caller_asks(CallerDoor::Elsewhere),
            };
        }
        if self.facts.caller.is_blocked {
            self.record(Event::CallRefused);
            self.end(Ending::Blocked);
            return Reply::Refuse;
        }
        self.ask(Effect::NoteArrival);
        if let Some(kind) = self.find_closure() {
            self.record(Event::FoundClosed { kind });
        }
        if let Some(until) = self.facts.brand.overridden_until.filter(|until| self.now < *until) {
            self.record(Event::FoundOverridden { until });
        }
        self.judge_flood();
        self.find_intent_of_number();
        if self.hears_supervisor() && !self.first_document_listens() {
            self.record(Event::HoldBegan);
            return Reply::Hold;
        }
        self.go_on(Step::Flood)
    }

    /// Hours are decided when the call arrives, and hold for it. Source: DESIGN.md section 2.3.
    fn find_closure(&self) -> Option<rules::ClosureKind> {
        if calendar::is_open(self.brand, self.rules, self.call.arrived_at) {
            return None;
        }
        match calendar::status(self.brand, self.rules, self.call.arrived_at) {
            Status::Closed { kind, .. } => Some(kind),
            Status::Open { .. } => None,
        }
    }

    /// A number may stand for an intent; its callers are not asked.
    fn find_intent_of_number(&mut self) {
        let number = self.rules.numbers.iter().find(|number| number.number == self.call.number);
        if let Some(intent) = number.and_then(|number| number.intent.clone()) {
            self.record(Event::IntentChosen { intent, how: ChosenBy::Number });
        }
    }

    /// Whether a supervisor may key a code in on this call.
    pub(super) fn hears_supervisor(&self) -> bool {
        supervisor::hears_supervisor(self.rules, self.brand)
    }

    /// Whether the first document that is due listens for keys by itself.
    fn first_document_listens(&self) -> bool {
        if self.is_challenge_due() {
            return true;
        }
        if self.is_overridden() || self.closed_path().is_some() || self.is_flooded() {
            return false;
        }
        let asks = self.is_menu_due() || self.is_notice_due();
        asks || (self.choose_method() == RingMethod::Legs && self.may_anybody_ring())
    }

    /// Takes the caller through the steps from this one on; the document of the first that has one.
    pub(super) fn go_on(&mut self, from: Step) -> Reply {
        if self.call.is_agents {
            return self.finish_supervisor(words::NOTHING_CHANGED.to_owned());
        }
        if from <= Step::Flood {
            if self.is_challenge_due() {
                return self.challenge(1);
            }
            // A refused caller costs no leg; a closed brand's words are better than none.
            if self.is_flooded() && !self.is_closed_without_leg() {
                self.fall_back(FallbackReason::Flood);
                return self.follow_path();
            }
        }
        if from <= Step::Override
            && !self.is_flooded()
            && self.is_overridden()
            && let Some(reply) = self.ring_operator(LinePurpose::Override)
        {
            return reply;
        }
        if from <= Step::Hours && self.closed_path().is_some() {
            self.fall_back(FallbackReason::Closed);
            return self.follow_path();
        }
        if from <= Step::Menu
            && self.is_menu_due()
            && let Some(reply) = self.play_menu(1)
        {
            return reply;
        }
        if from <= Step::Notice
            && self.is_notice_due()
            && let Some(reply) = self.say_notice()
        {
            return reply;
        }
        self.begin_ring()
    }

    /// Whether the brand is sent to its operator line now.
    fn is_overridden(&self) -> bool {
        self.brand.operator.is_some() && self.call.overridden_until.is_some_and(|until| self.now < until)
    }

    /// Where a closed brand's callers go; none if it is open, or rings all the same.
    fn closed_path(&self) -> Option<&rules::Path> {
        let path = self.brand.after_hours.path_of(self.call.closure?);
        (path.kind != PathKind::RingAnyway).then_some(path)
    }

    /// Whether it is closed, and its callers go where no phone rings.
    fn is_closed_without_leg(&self) -> bool {
        let path = self.closed_path();
        path.is_some_and(|path| matches!(path.kind, PathKind::Voicemail | PathKind::Message { .. }))
    }

    /// The first document ended by itself, or with a key.
    pub(super) fn on_first_key(&mut self, key: Option<char>) -> Reply {
        if key == Some(SUPERVISOR_KEY) && self.hears_supervisor() {
            return self.on_supervisor_key(false);
        }
        match self.call.stage {
            Stage::Hold => self.go_on(Step::Flood),
            Stage::Waiting if key.is_some() && self.brand.voicemail.key == key => {
                self.leave_for_recorder();
                self.follow_path()
            }
            _ => self.on_caller_asks(CallerDoor::Elsewhere),
        }
    }

    /// The phones may ring now.
    fn begin_ring(&mut self) -> Reply {
        let method = self.choose_method();
        let deadline_at = self.ring_until();
        self.record(Event::WaitBegan { method, deadline_at });
        if self.now >= deadline_at {
            self.fall_back(FallbackReason::Deadline);
            return self.follow_path();
        }
        // Nothing listens for a key in a dial, so what is said about waiting does not belong there.
        if method == RingMethod::Dial
            && let Some(reply) = self.begin_round(self.greeting())
        {
            return reply;
        }
        if method == RingMethod::Legs {
            self.offer_phones();
        }
        self.fall_back_if_hopeless();
        if self.call.stage != Stage::Waiting {
            return self.follow_path();
        }
        if !self.has_recorded_shortlist() {
            // Under a simultaneous dial, too, those whose phones are held are told why they did not ring.
            let shortlist = self.take_shortlist();
            self.record_shortlist(shortlist.record);
        }
        let words = self.welcome();
        self.enter_queue(words)
    }

    /// `max_wait` counts from the first offer. A ring that an override broke off goes on for what was left of it; the time
    /// at the operator's line does not count. Source: DESIGN.md section 2.12.
    fn ring_until(&self) -> DateTime<Utc> {
        let begun = self.call.deadline_at.filter(|_| self.call.offered);
        let Some(deadline_at) = begun else { return (self.now + self.brand.max_wait()).min(self.latest_answer()) };
        let rung_at = self.call.line.as_ref().and_then(|line| line.rung_at);
        let at_line = rung_at.map_or(TimeDelta::zero(), |at| self.now - at);
        (deadline_at + at_line).min(self.now + self.brand.max_wait()).min(self.latest_answer())
    }

    /// What the caller hears on entering the queue: the intent's greeting or else the brand's, then what is said about
    /// waiting.
    fn welcome(&self) -> Option<String> {
        let said = words::join([self.greeting(), self.brand.texts.waiting.as_deref()]);
        (!said.is_empty()).then_some(said)
    }

    /// The intent's greeting, or else the brand's.
    fn greeting(&self) -> Option<&'a str> {
        let own = self.find_intent().and_then(|intent| intent.greeting.as_deref());
        own.or(self.brand.texts.greeting.as_deref())
    }

    /// The instant by which the ring is over, whenever it began: what comes after it has its time too.
    pub(super) fn latest_answer(&self) -> DateTime<Utc> {
        let latest = self.call.arrived_at + WHOLE_WAIT_MAX;
        let reserved = latest - self.time_of_fallback_line();
        reserved.max(self.now + RING_AT_LEAST).min(latest)
    }

    /// The caller is at the recorder already, led there by a safe reply.
    pub(super) fn on_adopted(&mut self) {
        match self.call.stage {
            Stage::New if self.call.version == 0 => self.ask(Effect::NoteArrival),
            Stage::New
            | Stage::Hold
            | Stage::Challenge { .. }
            | Stage::Menu { .. }
            | Stage::Notice { .. }
            | Stage::Message
            | Stage::Line => {}
            Stage::Waiting => self.close_open_legs(LegEnd::CallerLeft),
            Stage::Voicemail => return self.record(Event::RecorderOffered { greeted: false }),
            Stage::Supervisor | Stage::Claimed { .. } | Stage::Talking { .. } | Stage::Ended => return,
        }
        self.fall_back(FallbackReason::Outage);
        self.record(Event::RecorderOffered { greeted: false });
    }

    /// `auto`: legs while the account's pace carries the wave within a third of `max_wait`; beyond that a simultaneous
    /// dial where a live test recorded that it stops at the accept; and dial while REST fails. DESIGN.md section 4.
    fn choose_method(&self) -> RingMethod {
        let carrier = &self.facts.carrier;
        let setting = self.brand.ring_method.unwrap_or(carrier.method);
        match setting {
            rules::RingMethod::Legs => RingMethod::Legs,
            rules::RingMethod::Dial => RingMethod::Dial,
            rules::RingMethod::Auto if !carrier.rest_is_up => RingMethod::Dial,
            rules::RingMethod::Auto => {
                let wave = u32::try_from(self.brand.roster.len()).unwrap_or(u32::MAX).min(self.brand.width());
                let queued = self.facts.loaded.rings_pending.saturating_add(wave);
                let wait =
                    carrier.pace.checked_mul(i32::try_from(queued).unwrap_or(i32::MAX)).unwrap_or(TimeDelta::MAX);
                if wait > self.brand.max_wait() / 3 && carrier.dial_stops_at == DialStopsAt::Accept {
                    RingMethod::Dial
                } else {
                    RingMethod::Legs
                }
            }
        }
    }
}

/// However late the ring begins, phones ring at least so long: to pick up, listen and press.
const RING_AT_LEAST: TimeDelta = TimeDelta::seconds(15);
