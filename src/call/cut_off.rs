//! A caller who was cut off: nobody hung up, the carrier says that the call failed. Source: DESIGN.md section 2, `failed`.

use super::event::{Ending, Event, LegEnd};
use super::state::Stage;
use super::turn::Turn;

impl Turn<'_> {
    /// Before anybody took the call it ends as failed, and is missed like any other; later it is a connection that ended.
    pub(super) fn on_caller_failed(&mut self) {
        let is_cut_off = match self.call.stage {
            Stage::New
            | Stage::Hold
            | Stage::Challenge { .. }
            | Stage::Menu { .. }
            | Stage::Notice { .. }
            | Stage::Waiting => true,
            Stage::Supervisor
            | Stage::Claimed { .. }
            | Stage::Talking { .. }
            | Stage::Line
            | Stage::Message
            | Stage::Voicemail
            | Stage::Ended => false,
        };
        let has_message = self.call.voicemail.recording.is_some();
        if !is_cut_off || has_message || self.call.is_agents || self.call.caller_left_at.is_some() {
            return self.on_caller_gone();
        }
        self.record(Event::CallerLeft);
        self.close_open_legs(LegEnd::CallerLeft);
        self.end(Ending::Failed);
    }
}
