//! Which offers an agent is blamed for not taking, and who rests after one.

use chrono::TimeDelta;

use super::event::LegEnd;
use super::mark::AgentMark;
use super::properties::{Desk, brought_to};
use super::signal::{LegOutcome, Signal};
use crate::ids::{AgentId, CarrierRef};

/// Three phones are offered the call: leg 1 is Ana's, leg 2 Ben's, leg 3 Cyd's.
fn waiting() -> Desk {
    brought_to("waiting")
}

fn placed(leg: u32) -> Signal {
    Signal::LegPlaced { leg, carrier_ref: CarrierRef::new(&format!("CL{leg}")) }
}

fn rings(leg: u32) -> Signal {
    Signal::LegRings { leg, carrier_ref: Some(CarrierRef::new(&format!("CL{leg}"))) }
}

fn asks(leg: u32) -> Signal {
    Signal::LegAsks { leg, carrier_ref: None }
}

fn end_of(desk: &Desk, leg: u32) -> Option<LegEnd> {
    desk.call.find_leg(leg).unwrap().end
}

/// What the marks say of one agent.
fn marks_of<'m>(marks: &'m [AgentMark], agent: &str) -> Vec<&'m AgentMark> {
    marks.iter().filter(|mark| mark.agent().as_str() == agent).collect()
}

fn is_missed(marks: &[AgentMark], agent: &str) -> bool {
    marks_of(marks, agent).iter().any(|mark| matches!(mark, AgentMark::Missed { .. }))
}

/// Goes to the deadline of the ring, and looks.
fn reach_deadline(desk: &mut Desk) -> Vec<AgentMark> {
    desk.now = desk.call.grace_until.or(desk.call.deadline_at).unwrap();
    desk.take(&Signal::Woken).marks
}

#[test]
fn an_agent_whose_phone_never_rang_has_missed_nothing() {
    let mut desk = waiting();
    desk.take(&placed(1));
    desk.take(&rings(1));
    // Ben's waits for its turn at the carrier, and Cyd's is taken a moment before the end.
    desk.now = desk.call.deadline_at.unwrap() - TimeDelta::seconds(2);
    desk.take(&placed(3));
    let marks = reach_deadline(&mut desk);
    assert_eq!(end_of(&desk, 1), Some(LegEnd::NoAnswer));
    assert!(is_missed(&marks, "ana"));
    for (leg, agent) in [(2, "ben"), (3, "cyd")] {
        assert_eq!(end_of(&desk, leg), Some(LegEnd::CallerLeft), "{agent}");
        assert_eq!(marks_of(&marks, agent), Vec::<&AgentMark>::new(), "{agent}");
    }
}

#[test]
fn a_phone_whose_ringing_was_never_told_rang_since_it_was_placed() {
    for (placed_s, is_blamed) in [(1, true), (6, true), (10, false)] {
        let mut desk = waiting();
        desk.now += TimeDelta::seconds(placed_s);
        desk.take(&placed(1));
        let marks = reach_deadline(&mut desk);
        assert_eq!(end_of(&desk, 1), Some(LegEnd::NoAnswer), "placed after {placed_s} s");
        assert_eq!(is_missed(&marks, "ana"), is_blamed, "placed after {placed_s} s");
    }
}

#[test]
fn whoever_is_cut_in_the_prompt_is_not_blamed_unless_it_was_heard_out() {
    for (picked_up_s, how) in [(1, LegEnd::CallerLeft), (3, LegEnd::CallerLeft), (6, LegEnd::NoConfirm)] {
        let mut desk = waiting();
        desk.take(&rings(1));
        desk.now = desk.call.deadline_at.unwrap() - TimeDelta::seconds(picked_up_s);
        desk.take(&asks(1));
        let marks = reach_deadline(&mut desk);
        assert_eq!((end_of(&desk, 1), is_missed(&marks, "ana")), (None, false), "the grace");
        let marks = reach_deadline(&mut desk);
        assert_eq!(end_of(&desk, 1), Some(how), "picked up {picked_up_s} s before the deadline");
        assert_eq!(marks_of(&marks, "ana").is_empty(), how == LegEnd::CallerLeft, "{marks:?}");
    }
}

#[test]
fn a_ringing_told_after_the_phone_was_picked_up_makes_no_voicemail_of_a_person() {
    let mut desk = waiting();
    desk.now += TimeDelta::seconds(6);
    desk.take(&asks(1));
    desk.now += TimeDelta::seconds(1);
    desk.take(&rings(1));
    assert_eq!(desk.call.find_leg(1).unwrap().rang_at, None);
    desk.now += TimeDelta::seconds(8);
    desk.take(&Signal::LegPressed { leg: 1, key: None });
    assert_eq!(end_of(&desk, 1), Some(LegEnd::NoConfirm));
}

#[test]
fn an_agent_who_calls_in_and_hangs_up_has_missed_nothing() {
    let leaves = [
        ("hangs up", Signal::LegFinished { leg: 4, outcome: LegOutcome::Completed }),
        ("says nothing", Signal::LegPressed { leg: 4, key: None }),
    ];
    for (name, leaves) in leaves {
        let mut desk = waiting();
        desk.take(&Signal::LegFinished { leg: 1, outcome: LegOutcome::Busy });
        desk.now += TimeDelta::seconds(2);
        let carrier_ref = CarrierRef::new("CI1");
        desk.take(&Signal::AgentCalledIn { agent: AgentId::new("ana"), carrier_ref });
        desk.known_mut("ana").keyless = 2;
        desk.now += TimeDelta::seconds(1);
        let marks = desk.take(&leaves).marks;
        assert_eq!(end_of(&desk, 4), Some(LegEnd::NoConfirm), "{name}");
        assert_eq!(marks_of(&marks, "ana"), Vec::<&AgentMark>::new(), "{name}");
    }
}
