//! What other calls need to know of one that wants phones, so that they are shared.

use super::event::RingMethod;
use super::leg::Leg;
use super::state::{Call, Stage};
use crate::ids::AgentId;
use crate::shortlist::facts::{Asked, WaitingCall};

impl Call {
    /// Whether the caller waits for a phone that may still be offered: the ring is not over.
    #[must_use]
    pub fn wants_phones(&self) -> bool {
        self.stage == Stage::Waiting && self.grace_until.is_none() && self.caller_left_at.is_none()
    }

    /// What other calls need to know of it while it wants phones.
    #[must_use]
    pub fn as_waiting(&self) -> WaitingCall {
        WaitingCall {
            call: self.id,
            brand: self.brand.clone(),
            intent: self.intent.clone(),
            arrived_at: self.arrived_at,
            asked: self.asked(),
        }
    }

    /// Whom it was offered to, and until when it takes phones that come free.
    #[must_use]
    pub fn asked(&self) -> Asked {
        let agents = |keeps: &dyn Fn(&Leg) -> bool| {
            let mut agents: Vec<AgentId> =
                self.legs.iter().filter(|leg| keeps(leg)).map(|leg| leg.agent.clone()).collect();
            agents.sort_unstable();
            agents.dedup();
            agents
        };
        Asked {
            agents: agents(&|leg| !leg.may_be_asked_again(self.method)),
            ringing: agents(&|leg| leg.end.is_none()),
            first_offered_at: self.legs.first().map(|leg| leg.offered_at),
            closes_at: if self.method == RingMethod::Dial { self.last_round_at() } else { None },
        }
    }
}
