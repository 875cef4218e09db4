//! They talk, and then the call is over.

use super::effect::Effect;
use super::event::{Ending, Event, LegEnd};
use super::reply::Reply;
use super::state::{CallerAt, Stage};
use super::turn::Turn;
use super::words;

impl Turn<'_> {
    /// The conversation is over: the agent rests, the call has its ending.
    pub(super) fn finish_talk(&mut self, number: u32) {
        if let Some(leg) = self.leg(number) {
            self.close_leg(&leg, LegEnd::Accepted);
        }
        self.end(Ending::Answered);
    }

    /// The caller came out of the room after the talk.
    pub(super) fn on_talk_over(&mut self) -> Reply {
        if let Stage::Talking { leg, .. } = self.call.stage {
            self.finish_talk(leg);
        }
        Reply::HangUp
    }

    /// The caller came out of the room while the claim was open: the agent has left it.
    pub(super) fn on_room_over(&mut self) -> Reply {
        if self.have_surely_met() {
            self.own();
            return self.on_talk_over();
        }
        self.lapse(super::event::LapseReason::Deadline);
        self.receive_waiting_caller()
    }

    /// The agent came out of the room.
    pub(super) fn on_leg_left_room(&mut self, number: u32) -> Reply {
        let Some(leg) = self.leg(number) else {
            return Reply::SayAndHangUp { words: words::NO_LONGER.to_owned() };
        };
        match self.call.stage {
            Stage::Talking { leg, .. } if leg == number => {
                self.finish_talk(number);
                Reply::HangUp
            }
            Stage::Claimed { leg: claimed, .. } if claimed == number && self.have_surely_met() => {
                self.own();
                self.finish_talk(number);
                Reply::HangUp
            }
            Stage::Claimed { leg: claimed, .. } if claimed == number => {
                // Came out before the two met, and the phone is on its way to be hung up.
                self.record(Event::LegLeftRoom { leg: number });
                self.lapse(super::event::LapseReason::LegEnded);
                Reply::HangUp
            }
            Stage::New
            | Stage::Hold
            | Stage::Challenge { .. }
            | Stage::Supervisor
            | Stage::Menu { .. }
            | Stage::Notice { .. }
            | Stage::Line
            | Stage::Message
            | Stage::Waiting
            | Stage::Claimed { .. }
            | Stage::Talking { .. }
            | Stage::Voicemail
            | Stage::Ended => {
                if leg.end == Some(LegEnd::CallerLeft) {
                    Reply::SayAndHangUp { words: words::CALLER_GONE.to_owned() }
                } else {
                    Reply::HangUp
                }
            }
        }
    }

    /// The carrier, asked, says whether the caller is connected.
    pub(super) fn on_caller_checked(&mut self, connected: bool) {
        if !connected {
            self.on_caller_gone();
            return;
        }
        match self.call.stage {
            // Connected and silent: the caller hangs between two documents.
            Stage::Waiting | Stage::Voicemail | Stage::Message | Stage::Claimed { .. } => {
                self.fetch_caller_unless_heard();
            }
            Stage::Line if !self.is_line_handed_out() => self.fetch_caller_unless_heard(),
            Stage::Line if self.is_line_overdue() => self.ask(Effect::FetchCaller { attempt: self.attempt() }),
            Stage::Hold | Stage::Challenge { .. } | Stage::Supervisor | Stage::Menu { .. } | Stage::Notice { .. }
                if self.is_prompt_overdue() =>
            {
                self.ask(Effect::FetchCaller { attempt: self.attempt() });
            }
            Stage::Ended if self.call.caller_at != CallerAt::Recorder && self.call.is_caller_silent(self.now) => {
                self.ask(Effect::DropCaller);
            }
            Stage::New
            | Stage::Hold
            | Stage::Challenge { .. }
            | Stage::Supervisor
            | Stage::Menu { .. }
            | Stage::Notice { .. }
            | Stage::Line
            | Stage::Talking { .. }
            | Stage::Ended => {}
        }
    }

    fn fetch_caller_unless_heard(&mut self) {
        let silent = self.call.is_caller_silent(self.now);
        let elsewhere = matches!(
            self.call.caller_at,
            CallerAt::Recorder | CallerAt::Dial | CallerAt::Line | CallerAt::Prompt | CallerAt::Gone
        );
        if silent && !elsewhere {
            self.ask(Effect::FetchCaller { attempt: self.attempt() });
        }
    }
}
