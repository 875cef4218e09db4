//! The recording notice: said before anything can be recorded, and known to have ended. Source: DESIGN.md sections 2.5 and 7.

use chrono::TimeDelta;
use sha2::{Digest, Sha256};

use super::arrival::Step;
use super::event::Event;
use super::reply::Reply;
use super::signal::CallerDoor;
use super::state::Stage;
use super::supervisor::SUPERVISOR_KEY;
use super::turn::Turn;
use crate::rules::Recording;

/// By then the notice is over or passed over, counted from the arrival. Passed over, nothing is recorded.
const NOTICE_ENDS: TimeDelta = TimeDelta::seconds(92);

/// A notice that was begun so often and never ended is passed over.
const TURNS_MAX: u32 = 4;

impl Turn<'_> {
    /// The brand records, and this caller has not heard the notice to its end.
    pub(super) fn is_notice_due(&self) -> bool {
        let has_ended = self.call.notice.as_ref().is_some_and(|notice| notice.ended_at.is_some());
        matches!(self.brand.recording, Recording::On { .. }) && !has_ended
    }

    /// Hands out the notice; none if there is no time left for it.
    pub(super) fn say_notice(&mut self) -> Option<Reply> {
        let Recording::On { notice, .. } = &self.brand.recording else { return None };
        let turn = self.call.notice.as_ref().map_or(0, |notice| notice.turn) + 1;
        let deadline_at = self.call.arrived_at + NOTICE_ENDS;
        if self.now >= deadline_at || turn > TURNS_MAX {
            return None;
        }
        let text = hex::encode(Sha256::digest(notice.as_bytes()));
        self.record(Event::NoticeBegan { text, turn, deadline_at });
        // A key stops the words. Whoever stopped them once hears them without being listened to.
        Some(Reply::SayNotice { turn, words: notice.clone(), is_cut_by_keys: turn == 1 })
    }

    pub(super) fn on_notice_ended(&mut self, turn: u32, key: Option<char>) -> Reply {
        let Stage::Notice { turn: current, .. } = self.call.stage else {
            // Late or repeated: the notice is behind the caller.
            return self.on_caller_asks(CallerDoor::Elsewhere);
        };
        if key == Some(SUPERVISOR_KEY) && self.hears_supervisor() {
            return self.on_supervisor_key(false);
        }
        if turn != current || key.is_some() {
            // Cut, or an earlier one: only the words to their end are a notice.
            return self.go_on(Step::Notice);
        }
        self.record(Event::NoticeEnded);
        self.go_on(Step::Ring)
    }
}
