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

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};

    use super::*;
    use crate::call::event::{Event, LegEnd};
    use crate::call::state::NewCall;
    use crate::ids::{BrandId, CallId, CarrierRef};
    use crate::phone_number::{Caller, parse_phone_number};

    fn waits(method: RingMethod) -> (Call, DateTime<Utc>) {
        let now = DateTime::from_timestamp(1_795_514_400, 0).unwrap();
        let number = parse_phone_number("+15550100002").unwrap();
        let mut call = Call::new(NewCall {
            id: CallId(uuid::Uuid::from_u128(1)),
            brand: BrandId::new("acme"),
            number,
            caller: Caller::Withheld,
            caller_name: None,
            caller_ref: CarrierRef::new("CA1"),
            rules_version: 1,
            at: now,
        });
        call.apply(&Event::WaitBegan { method, deadline_at: now + TimeDelta::seconds(25) }, now);
        (call, now)
    }

    fn offer(call: &mut Call, agent: &str, round: u32, now: DateTime<Utc>) {
        let leg = u32::try_from(call.legs.len()).unwrap() + 1;
        let phone = parse_phone_number("+15550100003").unwrap();
        call.apply(
            &Event::LegOffered { leg, agent: AgentId::new(agent), phone, round, give_up_at: now, called_in: false },
            now,
        );
    }

    #[test]
    fn others_are_told_whom_a_waiting_call_rings_and_whom_it_does_not_ask_again() {
        let (mut call, now) = waits(RingMethod::Legs);
        assert!(call.asked().is_nothing());
        ["sam", "ines", "priya"].into_iter().for_each(|agent| offer(&mut call, agent, 0, now));
        call.apply(&Event::LegClosed { leg: 1, how: LegEnd::Declined }, now);
        call.apply(&Event::LegClosed { leg: 3, how: LegEnd::LostRace }, now);
        let names = |names: &[&str]| names.iter().map(|name| AgentId::new(name)).collect::<Vec<_>>();
        let asked = call.asked();
        assert_eq!((asked.agents, asked.ringing), (names(&["ines", "sam"]), names(&["ines"])));
        assert_eq!((asked.first_offered_at, asked.closes_at), (Some(now), None));
    }

    #[test]
    fn a_simultaneous_dial_takes_no_phone_until_its_next_round() {
        let (mut call, now) = waits(RingMethod::Dial);
        assert_eq!(call.asked().closes_at, None);
        call.apply(&Event::DeadlineSet { deadline_at: now + TimeDelta::seconds(25) }, now);
        call.apply(&Event::RoundBegan { round: 1 }, now);
        offer(&mut call, "sam", 1, now);
        assert_eq!(call.asked().closes_at, Some(now));
        // The round is over, and the caller is back in the queue: a further one has to begin 10 s before the deadline.
        let deadline_at = now + TimeDelta::seconds(25);
        call.apply(&Event::LegClosed { leg: 1, how: LegEnd::NoAnswer }, now);
        call.apply(&Event::WaitBegan { method: RingMethod::Dial, deadline_at }, now);
        assert_eq!(call.asked().closes_at, Some(now + TimeDelta::seconds(15)));
        assert!(call.asked().agents.is_empty(), "whoever did not answer is rung again");
        call.apply(&Event::RoundBegan { round: 3 }, now);
        call.apply(&Event::WaitBegan { method: RingMethod::Dial, deadline_at }, now);
        assert_eq!(call.asked().closes_at, Some(now), "there is no fourth round");
    }
}
