//! A claim, the room in which agent and caller meet, and what comes of it. Source: DESIGN.md section 2.9.

use chrono::{DateTime, Utc};

use super::event::Event;
use super::state::{Call, CallerAt, LegProgress, Stage};

impl Call {
    /// Each claim has a room of its own: nobody who was left behind in an earlier one listens to the talk.
    pub(super) fn apply_meeting(&mut self, event: &Event, now: DateTime<Utc>) {
        match event {
            Event::CallClaimed { leg, deadline_at } => {
                self.stage = Stage::Claimed { leg: *leg, deadline_at: *deadline_at, asked: false };
                self.grace_until = None;
                self.change_leg(*leg, |leg| leg.progress = LegProgress::Claimed);
                if matches!(self.caller_at, CallerAt::Room { .. }) && self.room_of != Some(*leg) {
                    // In the room of an earlier claim, out of which they are fetched as out of the queue.
                    self.caller_at = CallerAt::Queue;
                }
            }
            Event::ClaimLapsed { .. } => self.stage = Stage::Waiting,
            Event::RoomFilled { deadline_at } => {
                if let Stage::Claimed { leg, asked, .. } = self.stage {
                    self.stage = Stage::Claimed { leg, deadline_at: *deadline_at, asked };
                }
            }
            Event::RoomAsked { deadline_at } => {
                if let Stage::Claimed { leg, .. } = self.stage {
                    self.stage = Stage::Claimed { leg, deadline_at: *deadline_at, asked: true };
                }
            }
            Event::CallerSentToRoom => {
                self.hand_document(now);
                self.caller_at = CallerAt::Room { entered: false };
                self.room_of = self.stage.holder();
            }
            Event::CallerEntered => self.caller_at = CallerAt::Room { entered: true },
            Event::CallerLeftRoom => {
                if matches!(self.caller_at, CallerAt::Room { .. }) {
                    self.caller_at = CallerAt::Leaving;
                }
            }
            Event::LegEntered { leg } => {
                self.change_leg(*leg, |leg| leg.progress = leg.progress.max(LegProgress::InRoom));
            }
            Event::LegLeftRoom { leg } => self.change_leg(*leg, |leg| leg.progress = LegProgress::LeftRoom),
            Event::CallOwned { leg, agent } => {
                self.stage = Stage::Talking { leg: *leg, since: now };
                self.owner = Some(agent.clone());
                self.change_leg(*leg, |leg| leg.progress = LegProgress::InRoom);
            }
            _ => {}
        }
    }
}
