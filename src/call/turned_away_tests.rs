//! An agent who hears the safe reply instead of what was decided: nobody owns the call for it, and nobody is charged.

use chrono::TimeDelta;

use super::event::LegEnd;
use super::properties::{Desk, brought_to};
use super::reply::Reply;
use super::signal::{LegOutcome, Signal};
use super::state::Stage;
use crate::rules::RingMethod;

const AWAY: Signal = Signal::LegTurnedAway { leg: 1 };

fn finish(leg: u32) -> Signal {
    Signal::LegFinished { leg, outcome: LegOutcome::Completed }
}

/// Three phones ring in one dial, and the first has accepted.
fn claimed_by_dial() -> Desk {
    let mut desk = Desk::new(RingMethod::Dial);
    let reply = desk.take(&Signal::Arrived).reply;
    assert!(matches!(reply, Reply::RingTogether { .. }), "{reply:?}");
    desk.now += TimeDelta::seconds(4);
    desk.take(&Signal::LegAsks { leg: 1, carrier_ref: None });
    desk.now += TimeDelta::seconds(3);
    assert_eq!(desk.take(&Signal::LegPressed { leg: 1, key: Some('1') }).reply, Reply::Bridge);
    desk
}

#[test]
fn under_dial_a_winner_who_was_turned_away_is_no_owner_and_the_caller_is_rung_for_again() {
    let mut desk = claimed_by_dial();
    for leg in [2, 3] {
        desk.take(&Signal::LegFinished { leg, outcome: LegOutcome::NoAnswer });
    }
    desk.now += TimeDelta::milliseconds(1_500);
    desk.take(&AWAY);
    desk.now += TimeDelta::seconds(3);
    desk.take(&finish(1));
    assert_eq!((desk.call.owner.clone(), desk.call.stage), (None, Stage::Waiting));
    let reply = desk.take(&Signal::DialEnded { round: 1, bridged: false }).reply;
    assert!(matches!(reply, Reply::RingTogether { .. }), "{reply:?}");
}

#[test]
fn the_same_without_the_word_is_taken_for_a_talk() {
    // What the word is needed for: a leg that ends some seconds after the key looks like one that was bridged.
    let mut desk = claimed_by_dial();
    for leg in [2, 3] {
        desk.take(&Signal::LegFinished { leg, outcome: LegOutcome::NoAnswer });
    }
    desk.now += TimeDelta::milliseconds(4_500);
    desk.take(&finish(1));
    assert!(desk.call.owner.is_some());
}

#[test]
fn whoever_could_not_be_asked_has_missed_nothing() {
    for mut desk in [brought_to("waiting"), brought_to("prompted")] {
        let decision = desk.take(&AWAY);
        assert_eq!(desk.call.find_leg(1).unwrap().end, Some(LegEnd::Failed));
        assert_eq!(decision.marks, []);
        desk.now += TimeDelta::seconds(3);
        assert_eq!(desk.take(&finish(1)).marks, []);
        assert_eq!((desk.known("ana").misses, desk.known("ana").keyless, desk.call.stage), (0, 0, Stage::Waiting));
    }
}

#[test]
fn with_single_legs_the_others_ring_again_and_the_leg_that_heard_it_is_over() {
    let mut desk = brought_to("claimed");
    desk.take(&AWAY);
    assert_eq!((desk.call.owner.clone(), desk.call.stage), (None, Stage::Waiting));
    assert_eq!(desk.call.find_leg(1).unwrap().end, Some(LegEnd::Failed));
}

#[test]
fn two_who_talk_go_on_talking() {
    let mut desk = brought_to("talking");
    assert_eq!((desk.take(&AWAY).events, desk.take(&AWAY).effects), (vec![], vec![]));
    assert!(matches!(desk.call.stage, Stage::Talking { leg: 1, .. }));
}
