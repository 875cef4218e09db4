//! An agent calls the brand from the phone that rang: they saw a missed call. Source: DESIGN.md section 2.1.
//!
//! Nobody is rung for it. While the caller waits, the agent may have the call by a key, and then is a leg like any other;
//! otherwise they hear what became of it. An agent who is a supervisor too may key a code in, on a call of its own.

use super::arrival::Step;
use super::event::{Ending, Event, LegEnd, RingMethod};
use super::reply::Reply;
use super::signal::CallerDoor;
use super::state::Stage;
use super::turn::Turn;
use super::words;
use crate::ids::{AgentId, CarrierRef};

/// Seconds to listen for the key after the words.
const LISTEN_S: u32 = 8;

impl Turn<'_> {
    pub(super) fn on_agent_called_in(&mut self, agent: &AgentId, carrier_ref: &CarrierRef, doubted: bool) -> Reply {
        if self.call.stage != Stage::Waiting || self.is_past_grace() {
            return Reply::SayAndHangUp { words: self.what_became(agent) };
        }
        if doubted {
            // Whoever shows an agent's number is not therefore that agent. Source: THREATS.md T-39.
            return Reply::SayAndHangUp { words: words::STILL_RINGING.to_owned() };
        }
        let own = self.call.live_legs().find(|leg| leg.agent == *agent).cloned();
        if let Some(leg) = own {
            if leg.carrier_ref.as_ref() == Some(carrier_ref) && leg.end.is_none() {
                // The same request again.
                return self.ask_caller_in(leg.number);
            }
            // The phone is still being rung: that stops first, since it is one handset.
            if leg.end.is_none() {
                self.close_leg(&leg, LegEnd::Failed);
                self.stop_ringing(&leg);
            }
            return Reply::OneMoment;
        }
        let is_held = self.facts.loaded.agents.iter().any(|facts| facts.agent == *agent && facts.live_leg.is_some());
        // In a simultaneous dial the caller can be fetched by nobody.
        if is_held || self.call.method == RingMethod::Dial {
            return Reply::SayAndHangUp { words: words::STILL_RINGING.to_owned() };
        }
        let give_up_at = self.call.grace_until.or(self.call.deadline_at).unwrap_or(self.now);
        let Some(leg) = self.take_in(agent, give_up_at) else {
            return Reply::SayAndHangUp { words: words::NO_LONGER.to_owned() };
        };
        self.record(Event::LegPlaced { leg, carrier_ref: carrier_ref.clone() });
        self.record(Event::LegAnswered { leg });
        self.ask_caller_in(leg)
    }

    /// The code is asked for at once; wherever it leads back to, no phone rings.
    pub(super) fn on_agent_asks_for_code(&mut self) -> Reply {
        if self.call.stage != Stage::New {
            return self.on_caller_asks(CallerDoor::Elsewhere);
        }
        self.record(Event::AgentDialled);
        if !self.hears_supervisor() {
            return self.go_on(Step::Flood);
        }
        self.record(Event::HoldBegan);
        self.on_supervisor_key(false)
    }

    fn ask_caller_in(&self, leg: u32) -> Reply {
        let words = words::STILL_WAITING.to_owned();
        Reply::AskToAccept { leg, words, listen_s: LISTEN_S, screening: false }
    }

    /// What an agent hears of a call that waits no more.
    fn what_became(&self, agent: &AgentId) -> String {
        if self.call.owner.as_ref() == Some(agent) {
            return words::YOU_TOOK_IT.to_owned();
        }
        if self.call.ending == Some(Ending::Voicemail) {
            return words::LEFT_MESSAGE.to_owned();
        }
        self.why_too_late(0)
    }
}
