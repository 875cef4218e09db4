//! A deadline of the call may have passed: everything that time alone brings about.

use chrono::TimeDelta;

use super::effect::Effect;
use super::event::{Event, LegEnd};
use super::state::{CallerAt, Leg, LegProgress, Stage};
use super::turn::Turn;
use super::watch::{LEG_CHECK_AFTER, SILENCE_BEFORE_CHECK, TALK_CHECK_EVERY};

impl Turn<'_> {
    pub(super) fn on_woken(&mut self) {
        self.check_overdue_legs();
        self.end_overdue_code();
        match self.call.stage {
            Stage::New => {
                // Saved, and never answered: whoever called is looked for.
                self.check_caller();
            }
            Stage::Hold | Stage::Challenge { .. } | Stage::Supervisor | Stage::Menu { .. } | Stage::Notice { .. } => {
                if self.is_prompt_overdue() {
                    self.check_caller();
                }
            }
            Stage::Line if self.is_line_handed_out() => self.wake_at_line(),
            Stage::Line | Stage::Message => self.wake_at_recorder(),
            Stage::Waiting => self.wake_waiting(),
            Stage::Claimed { deadline_at, asked, .. } => {
                if self.now >= deadline_at {
                    self.on_claim_deadline(asked);
                }
            }
            Stage::Talking { leg, since } => {
                if self.now >= self.call.checked_at.unwrap_or(since) + TALK_CHECK_EVERY {
                    self.ask(Effect::CheckLeg { leg, attempt: self.attempt() });
                    self.check_caller();
                }
            }
            Stage::Voicemail => self.wake_at_recorder(),
            Stage::Ended => {
                if self.call.wake_at().is_none_or(|at| at > self.now) {
                    return;
                }
                if self.call.is_time_to_look(self.now) {
                    self.look_for_recording();
                } else {
                    self.check_caller();
                }
            }
        }
    }

    /// Whoever hung up while the service was away is found by asking. Source: DESIGN.md section 10.
    pub(super) fn on_restarted(&mut self) {
        if self.call.has_ended() || self.call.caller_left_at.is_some() {
            return;
        }
        if let Stage::Talking { leg, .. } = self.call.stage {
            self.ask(Effect::CheckLeg { leg, attempt: self.attempt() });
        }
        self.check_caller();
    }

    fn wake_waiting(&mut self) {
        // Whoever hears long words of ours is asked for too, and left alone: they may have hung up unheard.
        let is_silent = self.now - self.call.caller_heard_at >= SILENCE_BEFORE_CHECK
            && self.call.checked_at.is_none_or(|at| self.now - at >= SILENCE_BEFORE_CHECK)
            && !self.is_code_typed();
        if self.call.caller_at == CallerAt::Dial {
            let overdue = self.call.deadline_at.is_some_and(|at| self.now >= at + LEG_CHECK_AFTER);
            if overdue {
                // The carrier should have ended the dial long ago.
                self.close_open_legs(LegEnd::NoAnswer);
                self.fall_back(super::event::FallbackReason::Deadline);
                self.check_caller();
            }
            return;
        }
        self.keep_ringing();
        if self.call.next_wave_at.is_some_and(|at| at <= self.now) {
            self.record(Event::WaveBegan { next_at: None });
        }
        if is_silent {
            self.check_caller();
        }
    }

    /// The dial should be over, or they have talked for long: the carrier is asked.
    fn wake_at_line(&mut self) {
        if self.call.line_look_at().is_some_and(|at| at <= self.now) {
            self.check_caller();
        }
    }

    /// A document that speaks and listens should long have come back.
    pub(super) fn is_prompt_overdue(&self) -> bool {
        self.call.prompt_over_at().is_some_and(|at| at <= self.now)
    }

    /// The document that rings the outside line was handed out.
    pub(super) fn is_line_handed_out(&self) -> bool {
        self.call.line.as_ref().is_some_and(|line| line.rung_at.is_some())
    }

    /// The dial of a line that asks for a key should be over, and nobody pressed it. Where no key is asked for, the two
    /// may be talking without our knowing, and nobody is torn out of that.
    pub(super) fn is_line_overdue(&self) -> bool {
        let line = self.call.line.as_ref().filter(|line| line.confirm);
        line.and_then(|line| line.overdue_at()).is_some_and(|at| self.now >= at + LEG_CHECK_AFTER)
    }

    fn wake_at_recorder(&mut self) {
        if self.call.caller_left_at.is_some() {
            if self.call.is_time_to_look(self.now) {
                self.look_for_recording();
            }
            return;
        }
        let heard = self.call.caller_heard_at.max(self.call.checked_at.unwrap_or(self.call.caller_heard_at));
        let patience = if self.call.caller_at == CallerAt::Recorder { TALK_CHECK_EVERY } else { SILENCE_BEFORE_CHECK };
        if self.now - heard >= patience {
            self.check_caller();
        }
    }

    fn check_caller(&mut self) {
        self.record(Event::CallerChecked);
        self.ask(Effect::CheckCaller { attempt: self.attempt() });
    }

    fn look_for_recording(&mut self) {
        self.record(Event::RecordingSought);
        self.ask(Effect::FindRecordings { attempt: self.attempt() });
    }

    fn check_overdue_legs(&mut self) {
        let overdue: Vec<Leg> = self
            .call
            .live_legs()
            .filter(|leg| leg.progress < LegProgress::Claimed || leg.end.is_some())
            .filter(|leg| self.now >= leg.checked_at.unwrap_or(leg.give_up_at) + LEG_CHECK_AFTER)
            .cloned()
            .collect();
        for leg in overdue {
            let never_heard_of = leg.carrier_ref.is_none() && leg.rang_at.is_none() && leg.answered_at.is_none();
            if never_heard_of && leg.round == 0 {
                // Whether the carrier ever took it is not known; had it rung, it would have stopped by now.
                self.close_leg(&leg, LegEnd::Failed);
                self.release(&leg);
                continue;
            }
            self.record(Event::LegChecked { leg: leg.number });
            self.ask(Effect::CheckLeg { leg: leg.number, attempt: self.attempt() });
            if leg.end.is_none() && self.now >= leg.give_up_at + TimeDelta::seconds(60) {
                self.close_leg(&leg, LegEnd::Failed);
            }
        }
    }
}
