//! Phones are offered the call, the caller waits, and the ring comes to its end.

use chrono::TimeDelta;

use super::effect::Effect;
use super::event::{Ending, Event, FallbackReason, LegEnd, RingMethod};
use super::mark::AgentMark;
use super::reply::Reply;
use super::signal::{LegOutcome, Signal};
use super::state::{CallerAt, Leg, LegProgress, Stage};
use super::supervisor::SUPERVISOR_KEY;
use super::turn::Turn;
use crate::ids::{AgentId, CarrierRef};

/// A phone inside the accept prompt at the deadline may still win for so long. Source: DESIGN.md section 2.12.
pub(super) const GRACE: TimeDelta = TimeDelta::seconds(8);

/// A wait document lasts at most so many seconds, so that the state is looked at as often. Contract twilio.md 3.4.
const WAIT_DOCUMENT_MAX_S: i64 = 5;

/// The listening at the end of a wait document lasts so long.
const WAIT_LISTEN: TimeDelta = TimeDelta::seconds(1);

/// A request to fetch the caller is believed to be on its way for so long.
const FETCH_TAKES: TimeDelta = TimeDelta::seconds(3);

/// A call that handed its caller so many documents without getting anywhere goes to the fallback path.
const STEPS_MAX: u32 = 400;

impl Turn<'_> {
    pub(super) fn on_wait_polled(&mut self) -> Reply {
        if self.call.stage == Stage::Waiting {
            self.keep_ringing();
        }
        if self.call.stage == Stage::Waiting && !self.should_dial_instead() {
            return self.keep_waiting();
        }
        if let CallerAt::BeingFetched { since } = self.call.caller_at
            && self.now - since < FETCH_TAKES
        {
            // The request is on its way: two ways to one place would tear the room apart.
            return self.play_ringback(1, false);
        }
        // A poll that was overtaken by the caller's own way out of the queue moves nobody.
        let is_beyond = matches!(
            self.call.caller_at,
            CallerAt::Dial | CallerAt::Room { .. } | CallerAt::Recorder | CallerAt::Line | CallerAt::Prompt
        );
        if !is_beyond {
            self.record(Event::CallerReleased);
        }
        Reply::LeaveQueue
    }

    fn keep_waiting(&mut self) -> Reply {
        let until = self.call.grace_until.or(self.call.deadline_at).unwrap_or(self.now);
        let left = (until - self.now - WAIT_LISTEN).num_seconds();
        let seconds = u32::try_from(left.clamp(1, WAIT_DOCUMENT_MAX_S)).unwrap_or(1);
        self.play_ringback(seconds, self.listens_in_queue())
    }

    /// Whether a key means something to a waiting caller.
    pub(super) fn listens_in_queue(&self) -> bool {
        self.brand.voicemail.key.is_some() || self.hears_supervisor()
    }

    fn play_ringback(&mut self, seconds: u32, listens: bool) -> Reply {
        let next_at = self.now + TimeDelta::seconds(i64::from(seconds)) + WAIT_LISTEN;
        self.record(Event::CallerPolled { next_at });
        Reply::KeepWaiting { seconds, listens, step: self.call.step }
    }

    pub(super) fn enter_queue(&mut self, words: Option<String>) -> Reply {
        if let Some(words) = &words {
            self.begin_words(words);
        }
        let listens = words.is_some() && self.hears_supervisor();
        Reply::Wait { words, listens }
    }

    /// A caller whose state is waiting stands outside the queue: after a lapse, after a step that failed.
    pub(super) fn receive_waiting_caller(&mut self) -> Reply {
        if self.call.step > STEPS_MAX {
            self.close_open_legs(LegEnd::CallerLeft);
            self.fall_back(FallbackReason::NobodyLeft);
            return self.follow_path();
        }
        self.keep_ringing();
        if self.call.stage != Stage::Waiting {
            return self.on_caller_asks(super::signal::CallerDoor::Elsewhere);
        }
        if self.should_dial_instead()
            && let Some(reply) = self.begin_round(None)
        {
            return reply;
        }
        let deadline_at = self.call.deadline_at.unwrap_or(self.now);
        let (grace, method) = (self.call.grace_until, self.call.method);
        self.record(Event::WaitBegan { method, deadline_at });
        if let Some(until) = grace {
            self.record(Event::GraceBegan { until });
        }
        self.record(Event::CallerPolled { next_at: self.now });
        self.enter_queue(None)
    }

    /// Ends the ring if it is time, else offers the call to whoever came free.
    pub(super) fn keep_ringing(&mut self) {
        self.withdraw_gone();
        let until = self.call.grace_until.or(self.call.deadline_at);
        if until.is_some_and(|until| self.now >= until) {
            self.on_deadline();
        } else if self.call.method == RingMethod::Legs {
            self.offer_phones();
            self.fall_back_if_hopeless();
        } else if !self.should_dial_instead() {
            self.fall_back_if_hopeless();
        }
    }

    /// The ring is over: at the deadline phones that nobody picked up stop; one inside the prompt has its grace.
    fn on_deadline(&mut self) {
        self.record_last_look();
        let listening = self.call.open_legs().any(|leg| leg.progress == LegProgress::Prompted);
        if listening && self.call.grace_until.is_none() {
            let ringing: Vec<Leg> =
                self.call.open_legs().filter(|leg| leg.progress < LegProgress::Prompted).cloned().collect();
            for leg in ringing {
                self.close_leg(&leg, self.name_unanswered(&leg));
                self.stop_ringing(&leg);
            }
            // Counted from the deadline, however late it was looked at; and nobody is given a grace that is over.
            let until = self.call.deadline_at.unwrap_or(self.now) + GRACE;
            self.record(Event::GraceBegan { until: until.max(self.now) });
            return;
        }
        self.close_open_legs(LegEnd::NoAnswer);
        self.fall_back(FallbackReason::Deadline);
        self.fetch_caller_unless_soon_back();
    }

    /// Asks for the caller to be fetched, unless the caller comes by itself within two seconds.
    pub(super) fn fetch_caller_unless_soon_back(&mut self) {
        let soon = self.now + TimeDelta::seconds(2);
        let comes_by_itself = match self.call.caller_at {
            CallerAt::Queue => self.call.next_poll_at.is_some_and(|at| at <= soon && at + GRACE > self.now),
            CallerAt::Door
            | CallerAt::Prompt
            | CallerAt::Line
            | CallerAt::Leaving
            | CallerAt::Dial
            | CallerAt::Recorder
            | CallerAt::Gone => true,
            CallerAt::BeingFetched { since } => self.now - since < FETCH_TAKES,
            CallerAt::Room { .. } => false,
        };
        if !comes_by_itself {
            self.ask(Effect::FetchCaller { attempt: self.attempt() });
        }
    }

    pub(super) fn on_fetch_begins(&mut self) {
        let wanted = match self.call.stage {
            Stage::Claimed { .. } => {
                matches!(self.call.caller_at, CallerAt::Queue | CallerAt::BeingFetched { .. })
            }
            Stage::Voicemail | Stage::Message | Stage::Line if !self.is_line_handed_out() => {
                matches!(self.call.caller_at, CallerAt::Queue | CallerAt::BeingFetched { .. } | CallerAt::Room { .. })
            }
            // The dial went on without a word, and nobody there has taken the call.
            Stage::Line => self.is_line_overdue(),
            Stage::Waiting => matches!(self.call.caller_at, CallerAt::Room { .. } | CallerAt::BeingFetched { .. }),
            Stage::Hold | Stage::Challenge { .. } | Stage::Supervisor | Stage::Menu { .. } | Stage::Notice { .. } => {
                self.is_prompt_overdue()
            }
            Stage::New | Stage::Voicemail | Stage::Message | Stage::Talking { .. } | Stage::Ended => false,
        };
        // A caller who has been silent stands nowhere that we know of; fetching is then the way to find them again.
        let is_on_the_way = matches!(
            self.call.stage,
            Stage::Waiting | Stage::Claimed { .. } | Stage::Voicemail | Stage::Message | Stage::Line
        );
        let lost = is_on_the_way
            && !matches!(
                self.call.caller_at,
                CallerAt::Recorder | CallerAt::Dial | CallerAt::Line | CallerAt::Prompt | CallerAt::Gone
            )
            && self.call.is_caller_silent(self.now);
        if (wanted || lost) && self.call.caller_left_at.is_none() {
            self.record(Event::FetchBegan);
        }
    }

    pub(super) fn on_fetch_failed(&mut self) {
        self.record(Event::FetchFailed);
    }

    pub(super) fn on_caller_pressed(&mut self, key: char) -> Reply {
        if key == SUPERVISOR_KEY && self.hears_supervisor() {
            return self.on_supervisor_key(true);
        }
        let wants_recorder = self.brand.voicemail.key == Some(key);
        if self.call.stage == Stage::Waiting && wants_recorder {
            self.leave_for_recorder();
            self.record(Event::CallerReleased);
            return Reply::LeaveQueue;
        }
        self.on_wait_polled()
    }

    pub(super) fn on_phones_freed(&mut self) {
        if self.call.stage == Stage::Waiting && self.call.method == RingMethod::Legs {
            self.keep_ringing();
        }
    }

    pub(super) fn on_agent_withdrawn(&mut self, agent: &AgentId) {
        let open: Vec<Leg> = self
            .call
            .open_legs()
            .filter(|leg| leg.agent == *agent && leg.progress < LegProgress::Prompted && leg.round == 0)
            .cloned()
            .collect();
        for leg in open {
            self.close_leg(&leg, LegEnd::Failed);
            self.stop_ringing(&leg);
        }
        self.fall_back_if_hopeless();
    }

    // What the carrier says of a leg that rings.

    pub(super) fn on_leg_placed(&mut self, number: u32, carrier_ref: &CarrierRef) {
        let Some(leg) = self.leg(number) else { return };
        if leg.carrier_ref.is_none() {
            self.record(Event::LegPlaced { leg: number, carrier_ref: carrier_ref.clone() });
        }
        if leg.end.is_some() && leg.live {
            // Closed before the carrier had named it.
            self.stop_ringing(&leg);
        }
    }

    pub(super) fn on_leg_refused(&mut self, number: u32, unreachable: bool) {
        let Some(leg) = self.leg(number) else { return };
        if unreachable {
            self.mark(AgentMark::PhoneUnreachable { agent: leg.agent.clone(), phone: leg.phone.clone() });
        }
        self.give_back(&leg);
    }

    pub(super) fn on_leg_not_carried(&mut self, number: u32) {
        let Some(leg) = self.leg(number) else { return };
        self.record(Event::LegNotCarried { leg: number });
        self.give_back(&leg);
    }

    /// The phone was not rung, and is free.
    fn give_back(&mut self, leg: &Leg) {
        self.close_leg(leg, LegEnd::Failed);
        self.release(leg);
        self.after_leg_closed();
    }

    pub(super) fn on_leg_rings(&mut self, number: u32, carrier_ref: Option<&CarrierRef>) {
        let Some(leg) = self.leg(number) else { return };
        self.name_leg(&leg, carrier_ref);
        // Told after the phone was picked up, it says nothing of when it began to ring.
        if leg.rang_at.is_none() && leg.answered_at.is_none() && leg.live {
            self.record(Event::LegRang { leg: number });
        }
    }

    pub(super) fn name_leg(&mut self, leg: &Leg, carrier_ref: Option<&CarrierRef>) {
        if let Some(carrier_ref) = carrier_ref
            && leg.carrier_ref.is_none()
        {
            self.record(Event::LegPlaced { leg: leg.number, carrier_ref: carrier_ref.clone() });
        }
    }

    pub(super) fn on_leg_finished(&mut self, number: u32, outcome: LegOutcome, signal: &Signal) {
        let Some(leg) = self.leg(number) else { return self.ignore(signal) };
        if !leg.live {
            return;
        }
        if self.call.stage == (Stage::Waiting) || leg.end.is_some() || self.holder() != Some(number) {
            let how = match outcome {
                LegOutcome::Busy => LegEnd::Busy,
                LegOutcome::Failed => LegEnd::Failed,
                LegOutcome::Completed | LegOutcome::NoAnswer | LegOutcome::Canceled
                    if leg.progress >= LegProgress::Prompted =>
                {
                    self.name_silence(&leg)
                }
                LegOutcome::Completed | LegOutcome::NoAnswer | LegOutcome::Canceled => LegEnd::NoAnswer,
            };
            self.close_leg(&leg, how);
            self.release(&leg);
            self.after_leg_closed();
            return;
        }
        self.on_holder_finished(&leg);
    }

    /// The leg that claimed or owns the call.
    pub(super) fn holder(&self) -> Option<u32> {
        self.call.stage.holder()
    }

    /// One phone less: others may join, or nobody is left to wait for.
    pub(super) fn after_leg_closed(&mut self) {
        if self.call.stage != Stage::Waiting || self.call.method == RingMethod::Dial {
            return;
        }
        if self.call.grace_until.is_some() && !self.has_open_legs() {
            self.fall_back(FallbackReason::Deadline);
            self.fetch_caller_unless_soon_back();
            return;
        }
        self.keep_ringing();
    }

    /// The caller's connection ended.
    pub(super) fn on_caller_gone(&mut self) {
        if self.call.caller_left_at.is_some() {
            return;
        }
        let (stage, have_met) = (self.call.stage, self.have_surely_met());
        self.record(Event::CallerLeft);
        match stage {
            Stage::New | Stage::Waiting => {
                self.close_open_legs(LegEnd::CallerLeft);
                self.ask_for_legs_unheard_of();
                self.end_without_agent();
            }
            Stage::Claimed { leg: number, .. } => self.on_caller_gone_after_claim(number, have_met),
            Stage::Talking { leg, .. } => self.finish_talk(leg),
            Stage::Supervisor => self.end(Ending::Supervisor),
            Stage::Hold | Stage::Challenge { .. } | Stage::Menu { .. } | Stage::Notice { .. } => {
                self.end_without_agent();
            }
            Stage::Line => self.on_caller_gone_at_line(),
            Stage::Message => self.end_on_path(),
            Stage::Voicemail => self.on_caller_gone_at_recorder(),
            Stage::Ended => {}
        }
    }

    /// The caller left a dial, maybe before it came to its phones: the carrier never tells of a leg that it did not begin,
    /// and meanwhile it holds a phone.
    fn ask_for_legs_unheard_of(&mut self) {
        let is_unheard_of = |leg: &&Leg| leg.round > 0 && leg.carrier_ref.is_none() && leg.rang_at.is_none();
        let unheard_of: Vec<u32> = self.call.live_legs().filter(is_unheard_of).map(|leg| leg.number).collect();
        for leg in unheard_of {
            self.ask(Effect::CheckLeg { leg, attempt: self.attempt() });
        }
    }
}
