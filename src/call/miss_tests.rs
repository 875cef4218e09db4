//! Which offers an agent is blamed for not taking, and who rests after one.

use chrono::{DateTime, TimeDelta, Utc};

use super::effect::Effect;
use super::event::LegEnd;
use super::mark::AgentMark;
use super::properties::{Desk, brought_to};
use super::reply::Reply;
use super::signal::{CallerDoor, LegOutcome, Signal};
use crate::ids::{AgentId, CarrierRef};
use crate::rules::RingMethod;
use crate::shortlist::facts::{AgentFacts, Presence};

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
        desk.take(&Signal::AgentCalledIn { agent: AgentId::new("ana"), carrier_ref, doubted: false });
        desk.known_mut("ana").keyless = 2;
        desk.now += TimeDelta::seconds(1);
        let marks = desk.take(&leaves).marks;
        assert_eq!(end_of(&desk, 4), Some(LegEnd::NoConfirm), "{name}");
        assert_eq!(marks_of(&marks, "ana"), Vec::<&AgentMark>::new(), "{name}");
    }
}

/// Ends leg 1, Ana's, in one of the ways that say nothing of whether she takes calls.
fn end_without_blame(desk: &mut Desk, how: LegEnd) -> Vec<AgentMark> {
    match how {
        LegEnd::Busy => desk.take(&Signal::LegFinished { leg: 1, outcome: LegOutcome::Busy }).marks,
        LegEnd::Failed => desk.take(&Signal::LegFinished { leg: 1, outcome: LegOutcome::Failed }).marks,
        LegEnd::LostRace => {
            desk.take(&asks(2));
            desk.take(&Signal::LegPressed { leg: 2, key: Some('1') }).marks
        }
        LegEnd::CallerLeft => desk.take(&Signal::CallerGone).marks,
        other => panic!("{other:?} is for somebody to blame"),
    }
}

#[test]
fn busy_failed_lost_race_and_caller_left_neither_count_nor_start_the_count_again() {
    for how in [LegEnd::Busy, LegEnd::Failed, LegEnd::LostRace, LegEnd::CallerLeft] {
        let mut desk = waiting();
        (desk.known_mut("ana").misses, desk.known_mut("ana").keyless) = (2, 2);
        desk.take(&rings(1));
        desk.now += TimeDelta::seconds(20);
        let marks = end_without_blame(&mut desk, how);
        assert_eq!(end_of(&desk, 1), Some(how));
        assert_eq!((desk.known("ana").misses, desk.known("ana").keyless), (2, 2), "{how:?}");
        let rests = marks_of(&marks, "ana");
        assert!(rests.iter().all(|mark| matches!(mark, AgentMark::RestsUntil { .. })), "{how:?}: {rests:?}");
    }
}

#[test]
fn pressing_a_key_starts_the_counts_again() {
    for key in ['1', '3'] {
        let mut desk = waiting();
        (desk.known_mut("ana").misses, desk.known_mut("ana").keyless) = (2, 2);
        for signal in [rings(1), asks(1), Signal::LegPressed { leg: 1, key: Some(key) }] {
            desk.take(&signal);
        }
        if key == '1' {
            assert_eq!(desk.known("ana").misses, 2, "a claim is not yet an accept");
            for signal in [
                Signal::CallerAsks { at: CallerDoor::Join },
                Signal::RoomStarted { leg: 1 },
                Signal::LegFinished { leg: 1, outcome: LegOutcome::Completed },
            ] {
                desk.take(&signal);
            }
        }
        assert_eq!((desk.known("ana").misses, desk.known("ana").keyless), (0, 0), "key {key}");
    }
}

#[test]
fn answered_without_a_key_is_a_voicemail_within_four_seconds_of_the_ring_or_for_the_third_time_in_a_row() {
    let cases = [
        (3_999, 0, LegEnd::VoicemailSuspected),
        (4_000, 0, LegEnd::NoConfirm),
        (9_000, 1, LegEnd::NoConfirm),
        (9_000, 2, LegEnd::VoicemailSuspected),
        (9_000, 7, LegEnd::VoicemailSuspected),
    ];
    for (after_ms, keyless, how) in cases {
        let mut desk = waiting();
        desk.known_mut("ana").keyless = keyless;
        desk.take(&rings(1));
        desk.now += TimeDelta::milliseconds(after_ms);
        desk.take(&asks(1));
        desk.now += TimeDelta::seconds(12);
        let marks = desk.take(&Signal::LegPressed { leg: 1, key: None }).marks;
        assert_eq!(end_of(&desk, 1), Some(how), "after {after_ms} ms, keyless {keyless} times before");
        assert!(is_missed(&marks, "ana"), "it counts by either name");
        assert_eq!(desk.known("ana").keyless, keyless + 1);
    }
}

#[test]
fn a_ring_of_ten_seconds_to_the_deadline_counts_and_a_shorter_or_earlier_one_does_not() {
    for (rang_before_ms, is_blamed) in [(10_000, true), (9_999, false)] {
        let mut desk = waiting();
        desk.now = desk.call.deadline_at.unwrap() - TimeDelta::milliseconds(rang_before_ms);
        desk.take(&rings(1));
        let marks = reach_deadline(&mut desk);
        assert_eq!(is_missed(&marks, "ana"), is_blamed, "it rang {rang_before_ms} ms before the deadline");
        assert_eq!(end_of(&desk, 1), Some(LegEnd::NoAnswer));
    }
    // Turned away on the handset, it did not ring its full time.
    let mut desk = waiting();
    desk.take(&rings(1));
    desk.now += TimeDelta::seconds(15);
    let marks = desk.take(&Signal::LegFinished { leg: 1, outcome: LegOutcome::NoAnswer }).marks;
    assert_eq!((end_of(&desk, 1), is_missed(&marks, "ana")), (Some(LegEnd::NoAnswer), false));
}

#[test]
fn each_end_has_its_own_rest() {
    let pressed = |key| vec![asks(1), Signal::LegPressed { leg: 1, key }];
    let finished = |outcome| vec![Signal::LegFinished { leg: 1, outcome }];
    let cases = [
        ("declined", pressed(Some('5')), 10),
        ("silent", pressed(None), 5),
        ("turned away", finished(LegOutcome::NoAnswer), 5),
        ("busy", finished(LegOutcome::Busy), 10),
        ("failed", finished(LegOutcome::Failed), 0),
    ];
    for (name, signals, rest_s) in cases {
        let mut desk = waiting();
        desk.take(&rings(1));
        desk.now += TimeDelta::seconds(5);
        for signal in &signals {
            desk.take(signal);
        }
        let until = (rest_s > 0).then(|| desk.now + TimeDelta::seconds(rest_s));
        assert_eq!(desk.known("ana").rests_until, until, "{name}");
    }
}

/// Three phones ring together, and Ana's voicemail answers after a second.
fn dialled() -> Desk {
    let mut desk = Desk::new(RingMethod::Dial);
    desk.take(&Signal::Arrived);
    for leg in 1..=3 {
        desk.take(&rings(leg));
    }
    desk.now += TimeDelta::seconds(1);
    desk.take(&asks(1));
    desk
}

#[test]
fn after_a_dial_that_collapsed_the_phones_that_did_not_answer_ring_again_in_the_next_document() {
    let mut desk = dialled();
    desk.now += TimeDelta::seconds(6);
    desk.take(&Signal::LegPressed { leg: 1, key: None });
    for (leg, outcome) in [(2, LegOutcome::Canceled), (3, LegOutcome::NoAnswer)] {
        desk.take(&Signal::LegFinished { leg, outcome });
    }
    let decision = desk.take(&Signal::DialEnded { round: 1, bridged: false });
    let Reply::RingTogether { round: 2, phones, .. } = &decision.reply else { panic!("{:?}", decision.reply) };
    let again: Vec<&str> = phones.iter().map(|phone| phone.agent.as_str()).collect();
    assert_eq!(again, ["ben", "cyd"]);
    assert_eq!((desk.known("ben").misses, desk.known("ben").rests_until), (0, None));
}

#[test]
fn a_dial_whose_legs_are_told_of_by_its_end_alone_rings_again_at_once_too() {
    let mut desk = dialled();
    desk.now += TimeDelta::seconds(6);
    let decision = desk.take(&Signal::DialEnded { round: 1, bridged: false });
    let Reply::RingTogether { round: 2, phones, .. } = &decision.reply else { panic!("{:?}", decision.reply) };
    assert_eq!(phones.len(), 2);
}

#[test]
fn one_call_is_missed_once_however_often_a_dial_rings_for_it() {
    let mut desk = dialled();
    for leg in 2..=3 {
        desk.take(&Signal::LegFinished { leg, outcome: LegOutcome::Busy });
    }
    for round in 1..=3 {
        let leg = desk.call.legs.iter().rev().find(|leg| leg.agent.as_str() == "ana").unwrap().number;
        desk.take(&asks(leg));
        desk.now += TimeDelta::seconds(6);
        desk.take(&Signal::LegPressed { leg, key: None });
        desk.take(&Signal::DialEnded { round, bridged: false });
        // Ana's phone is rung again, since no other is left, when it has had its rest.
        desk.now += TimeDelta::seconds(5);
        desk.take(&Signal::CallerAsks { at: CallerDoor::Queue });
    }
    assert!(desk.call.legs.iter().filter(|leg| leg.agent.as_str() == "ana").count() >= 2, "{:?}", desk.call.legs);
    assert_eq!((desk.known("ana").misses, desk.known("ana").keyless), (1, 1));
}

#[test]
fn a_phone_rings_no_more_for_somebody_whom_the_facts_show_as_off() {
    type Off = fn(&mut AgentFacts);
    let offs: [(&str, Off); 2] = [
        ("switched off", |facts| facts.switched_off_until = Some(DateTime::<Utc>::MAX_UTC)),
        ("busy in Chatwoot", |facts| facts.presence = Presence::Busy),
    ];
    for (name, off) in offs {
        for look in [Signal::WaitPolled, Signal::PhonesFreed, Signal::Woken] {
            let mut desk = waiting();
            desk.take(&placed(1));
            desk.take(&rings(1));
            off(desk.known_mut("ana"));
            desk.known_mut("ana").presence_at = Some(desk.now);
            desk.known_mut("ben").presence = Presence::Offline;
            desk.known_mut("ben").presence_at = Some(desk.now);
            desk.now += TimeDelta::seconds(1);
            let effects = desk.take(&look).effects;
            assert_eq!(effects, [Effect::CancelLeg { leg: 1 }], "{name}, {look:?}: an absence alone stops no phone");
            assert_eq!(end_of(&desk, 1), Some(LegEnd::Failed), "{name}, {look:?}");
        }
    }
}
