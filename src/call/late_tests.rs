//! What is told late, or never, of rooms and recordings.

use chrono::{DateTime, TimeDelta, Utc};

use super::effect::Effect;
use super::event::Ending;
use super::properties::{Desk, brought_to};
use super::signal::{CallerDoor, LegOutcome, Party, Signal};
use super::state::Stage;
use super::watch::{RECORDING_CHECK_AFTER, RECORDING_CHECKS_MAX, RECORDING_LASTS, TALK_CHECK_EVERY};
use crate::ids::CarrierRef;
use crate::rules::RingMethod;

fn recording(name: &str) -> CarrierRef {
    CarrierRef::new(name)
}

fn ready(name: &str) -> Signal {
    Signal::RecordingReady { recording: recording(name), seconds: 9 }
}

fn store(desk: &mut Desk, name: &str) {
    let decision = desk.take(&ready(name));
    assert_eq!(decision.effects, [Effect::FetchRecording { recording: recording(name) }]);
    let decision = desk.take(&Signal::RecordingStored { recording: recording(name) });
    assert_eq!(decision.effects, [Effect::PostVoicemail { recording: recording(name) }]);
}

/// A caller at our recorder, every phone let go of.
fn at_recorder() -> Desk {
    let mut desk = brought_to("voicemail");
    for leg in 1..=3 {
        desk.take(&Signal::LegFinished { leg, outcome: LegOutcome::Canceled });
    }
    desk
}

/// A call at our recorder whose first message, left after a safe reply, has just ended it.
fn ended_by_an_earlier_message() -> Desk {
    let mut desk = at_recorder();
    desk.now += TimeDelta::seconds(8);
    store(&mut desk, "RE1");
    assert_eq!((desk.call.ending, desk.call.caller_left_at), (Some(Ending::Voicemail), None));
    desk
}

/// Goes to the next instant at which the call wants to be looked at, and looks.
fn wake(desk: &mut Desk) -> (DateTime<Utc>, Vec<Effect>) {
    desk.now = desk.call.wake_at().unwrap();
    (desk.now, desk.take(&Signal::Woken).effects)
}

fn looks(effects: &[Effect]) -> bool {
    effects.iter().any(|effect| matches!(effect, Effect::FindRecordings { .. }))
}

#[test]
fn a_second_message_after_a_first_one_that_ended_the_call_is_found_when_its_callback_is_lost() {
    let mut desk = ended_by_an_earlier_message();
    desk.now += TimeDelta::seconds(50);
    // Hangs up while recording; neither the recorder's document nor its callback is heard of.
    desk.take(&Signal::CallerGone);
    let left_at = desk.now;
    let (at, effects) = wake(&mut desk);
    assert!(looks(&effects) && at == left_at + RECORDING_CHECK_AFTER, "{effects:?}");
    desk.take(&ready("RE1"));
    store(&mut desk, "RE2");
    assert!(desk.call.is_settled() && desk.call.wake_at().is_none());
    assert_eq!(desk.call.voicemail.kept, [recording("RE1"), recording("RE2")]);
}

#[test]
fn while_the_caller_may_be_recording_the_caller_is_looked_for_and_not_the_message() {
    let mut desk = ended_by_an_earlier_message();
    let ended_at = desk.now;
    let (at, effects) = wake(&mut desk);
    assert!(matches!(effects[..], [Effect::CheckCaller { .. }]), "{effects:?}");
    assert_eq!(at, ended_at + TALK_CHECK_EVERY);
    desk.take(&Signal::CallerChecked { connected: false });
    assert!(looks(&wake(&mut desk).1));
}

#[test]
fn a_caller_of_whom_nothing_is_heard_does_not_keep_a_call_awake_for_ever() {
    let mut desk = ended_by_an_earlier_message();
    let ended_at = desk.now;
    let mut wakes = 0;
    while desk.call.wake_at().is_some() {
        wakes += 1;
        let (at, effects) = wake(&mut desk);
        assert_eq!(looks(&effects), at >= ended_at + RECORDING_LASTS, "{effects:?} at {at}");
    }
    assert!(desk.call.is_settled() && wakes < 10, "{wakes}");
}

#[test]
fn a_message_that_was_named_is_looked_for_until_it_is_here() {
    let mut desk = ended_by_an_earlier_message();
    desk.now += TimeDelta::seconds(30);
    desk.take(&Signal::VoicemailTaken { recording: Some(recording("RE2")), seconds: Some(20) });
    desk.take(&Signal::CallerGone);
    for _ in 0..3 {
        assert!(looks(&wake(&mut desk).1));
        // Listed, and not ready yet.
        desk.take(&ready("RE1"));
        desk.take(&Signal::VoicemailTaken { recording: Some(recording("RE2")), seconds: None });
    }
    store(&mut desk, "RE2");
    assert!(desk.call.is_settled());
}

#[test]
fn a_message_that_never_comes_is_looked_for_a_bounded_number_of_times() {
    let mut desk = ended_by_an_earlier_message();
    desk.take(&Signal::VoicemailTaken { recording: Some(recording("RE2")), seconds: Some(20) });
    desk.take(&Signal::CallerGone);
    let mut count = 0;
    while desk.call.wake_at().is_some() {
        assert!(looks(&wake(&mut desk).1));
        count += 1;
    }
    assert_eq!(count, RECORDING_CHECKS_MAX);
    assert!(desk.call.is_settled());
}

#[test]
fn an_earlier_message_is_looked_for_though_the_later_offer_left_none() {
    let mut desk = at_recorder();
    desk.take(&Signal::VoicemailTaken { recording: None, seconds: None });
    assert_eq!(desk.call.ending, Some(Ending::Missed));
    desk.take(&Signal::CallerGone);
    assert!(looks(&wake(&mut desk).1));
    store(&mut desk, "RE1");
    assert!(desk.call.is_settled());
}

#[test]
fn what_an_earlier_offer_did_not_record_ends_nothing_while_the_caller_records() {
    let mut desk = at_recorder();
    desk.take(&Signal::RecordingAbsent { recording: Some(recording("RE1")) });
    assert_eq!(desk.call.stage, Stage::Voicemail);
    desk.take(&Signal::VoicemailTaken { recording: Some(recording("RE2")), seconds: Some(5) });
    let decision = desk.take(&Signal::RecordingAbsent { recording: Some(recording("RE1")) });
    assert_eq!((decision.effects, desk.call.ending), (Vec::new(), Some(Ending::Voicemail)));
}

#[test]
fn a_list_that_does_not_show_a_named_message_is_believed_at_the_second_look() {
    let mut desk = at_recorder();
    desk.take(&Signal::VoicemailTaken { recording: Some(recording("RE1")), seconds: Some(5) });
    desk.take(&Signal::CallerGone);
    wake(&mut desk);
    assert_eq!(desk.take(&Signal::RecordingAbsent { recording: None }).effects, []);
    wake(&mut desk);
    assert_eq!(desk.take(&Signal::RecordingAbsent { recording: None }).effects, [Effect::NoteMissed]);
    assert!(desk.call.is_settled());
}

fn claimed_by(desk: &mut Desk, leg: u32) {
    desk.take(&Signal::LegAsks { leg, carrier_ref: None });
    desk.take(&Signal::LegPressed { leg, key: Some('1') });
    assert!(matches!(desk.call.stage, Stage::Claimed { leg: holder, .. } if holder == leg), "{:?}", desk.call.stage);
}

#[test]
fn a_room_of_an_earlier_claim_makes_no_owner_of_a_later_one() {
    let mut desk = Desk::new(RingMethod::Legs);
    desk.take(&Signal::Arrived);
    desk.take(&Signal::WaitPolled);
    claimed_by(&mut desk, 1);
    desk.take(&Signal::CallerAsks { at: CallerDoor::Join });
    // They met for a moment; the report of it comes after the next agent pressed 1.
    desk.take(&Signal::CallerAsks { at: CallerDoor::Room });
    assert_eq!(desk.call.stage, Stage::Waiting);
    claimed_by(&mut desk, 2);
    desk.take(&Signal::RoomStarted { leg: 1 });
    assert_eq!(desk.call.owner, None);
    desk.take(&Signal::RoomStarted { leg: 2 });
    assert!(desk.call.owner.is_some());
}

#[test]
fn an_entry_told_after_the_agent_left_the_room_puts_nobody_back_into_it() {
    let mut desk = brought_to("claimed");
    desk.take(&Signal::RoomLeft { who: Party::Leg(1), claim: Some(1) });
    desk.take(&Signal::CallerAsks { at: CallerDoor::Join });
    desk.take(&Signal::RoomEntered { who: Party::Caller, claim: None });
    desk.take(&Signal::RoomEntered { who: Party::Leg(1), claim: Some(1) });
    for _ in 0..3 {
        // Nobody answers who is in the room.
        wake(&mut desk);
    }
    assert_eq!(desk.call.owner, None);
}
