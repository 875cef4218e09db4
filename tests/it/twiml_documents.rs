//! Every document that can be answered is one Twilio takes.

#![expect(clippy::expect_used, reason = "the makers of a test's values fail by panicking")]

use chrono::{DateTime, Utc};
use offhook::call::reply::{PhoneToRing, Reply, RoomSeat};
use offhook::call::state::{Call, NewCall};
use offhook::ids::{AgentId, BrandId, CallId, CarrierRef};
use offhook::phone_number::{Caller, PhoneNumber};
use offhook::twilio::safe_reply::{SafeReplies, SafeWords};
use offhook::twilio::twiml::{RenderContext, render, room_wait};
use offhook::twilio::urls::{Addresses, Door, Minted};

use crate::twiml_schema::check_twiml;

fn number(text: &str) -> PhoneNumber {
    serde_json::from_value(text.into()).expect("a number")
}

fn addresses() -> Addresses {
    Addresses::new("https://voice.example.com", "a secret of the tests".into())
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_772_445_600, 0).expect("an instant")
}

fn call() -> Call {
    Call::new(NewCall {
        id: CallId(uuid::Uuid::from_u128(42)),
        brand: BrandId::new("acme-movers"),
        number: number("+15550100002"),
        caller: Caller::Withheld,
        caller_name: None,
        caller_ref: CarrierRef::new("CAaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
        rules_version: 1,
        at: now(),
    })
}

fn document(reply: &Reply) -> String {
    let (call, addresses, caller_id) = (call(), addresses(), number("+15550100002"));
    let policy = offhook::config::Destinations::default().policy();
    let approve = |phone: &PhoneNumber| policy.approve(phone).ok();
    let context = RenderContext {
        call: &call,
        addresses: &addresses,
        voice: "Polly.Joanna-Neural",
        language: "en-US",
        caller_id: &caller_id,
        talk_limit_s: 14_400,
        approve: &approve,
    };
    render(reply, &context, now())
}

fn phones(count: u32) -> Vec<PhoneToRing> {
    (1..=count)
        .map(|leg| PhoneToRing { leg, agent: AgentId::new("priya"), phone: number(&format!("+155501000{leg:02}")) })
        .collect()
}
fn replies(words: &str) -> Vec<(&'static str, Option<&'static str>, Reply)> {
    let said = words.to_owned();
    let ask = |screening| Reply::AskToAccept { leg: 2, words: said.clone(), listen_s: 8, screening };
    let voicemail = |transcribe| Reply::TakeVoicemail { greeting: said.clone(), max_length_s: 180, transcribe };
    let keep = |listens| Reply::KeepWaiting { seconds: 5, listens, step: 3 };
    vec![
        ("nothing", None, Reply::Nothing),
        ("refuse", None, Reply::Refuse),
        ("wait", None, Reply::Wait { words: Some(said.clone()), listens: false }),
        ("keep_waiting", Some("enqueue_wait"), keep(false)),
        ("keep_waiting_with_key", Some("enqueue_wait"), keep(true)),
        ("ask_code", None, Reply::AskCode { in_queue: false }),
        ("ask_code_in_queue", Some("enqueue_wait"), Reply::AskCode { in_queue: true }),
        ("ask_switch", Some("enqueue_wait"), Reply::AskSwitch { words: said.clone() }),
        ("challenge", None, Reply::Challenge { turn: 1, words: said.clone(), listen_s: 5 }),
        ("leave_queue", Some("enqueue_wait"), Reply::LeaveQueue),
        ("ring_together", None, Reply::RingTogether { round: 1, ring_s: 20, phones: phones(2), words: None }),
        (
            "ring_together_after_words",
            None,
            Reply::RingTogether {
                round: 1,
                ring_s: 20,
                phones: phones(2),
                words: Some("Thank you for calling.".into()),
            },
        ),
        ("ring_nobody", None, Reply::RingTogether { round: 1, ring_s: 20, phones: Vec::new(), words: None }),
        ("ask_to_accept", None, ask(false)),
        ("ask_while_screening", Some("number_url_screen"), ask(true)),
        ("bridge", Some("number_url_screen"), Reply::Bridge),
        ("join_room_caller", None, Reply::JoinRoom { who: RoomSeat::Caller }),
        ("join_room_agent", None, Reply::JoinRoom { who: RoomSeat::Leg(2) }),
        ("take_voicemail", None, voicemail(false)),
        ("take_voicemail_transcribed", None, voicemail(true)),
        ("say_and_hang_up", Some("number_url_screen"), Reply::SayAndHangUp { words: said.clone() }),
        ("hang_up", Some("number_url_screen"), Reply::HangUp),
    ]
}

#[test]
fn every_reply_is_a_document_that_twilio_takes() {
    for (name, context, reply) in replies("Call for Acme Movers. Press 1.") {
        let xml = document(&reply);
        assert_eq!(check_twiml(context, &xml), Ok(()), "{name}: {xml}");
        insta::assert_snapshot!(format!("twiml_{name}"), xml);
    }
}

#[test]
fn no_text_changes_the_shape_of_a_document() {
    let hostile = "</Say><Dial>+15550100099</Dial>\u{0}\u{b}\u{fffe}&\"'<!--]]>".repeat(200);
    let shape = |xml: &str| -> Vec<String> {
        let document = roxmltree::Document::parse(xml).expect("XML");
        document.descendants().filter(|node| node.is_element()).map(|node| node.tag_name().name().to_owned()).collect()
    };
    for ((name, context, plain), (_, _, nasty)) in replies("Hello.").into_iter().zip(replies(&hostile)) {
        let xml = document(&nasty);
        assert_eq!(shape(&xml), shape(&document(&plain)), "{name}");
        assert_eq!(check_twiml(context, &xml), Ok(()), "{name}");
    }
}

#[test]
fn at_most_ten_phones_ring_together() {
    let xml = document(&Reply::RingTogether { round: 1, ring_s: 20, phones: phones(14), words: None });
    assert_eq!(xml.matches("<Number ").count(), 10);
    assert_eq!(check_twiml(None, &xml), Ok(()));
}

#[test]
fn every_safe_reply_fits_its_door() {
    let words = SafeWords {
        greeting: "We cannot take your call now. Please leave a message.",
        to_agent: "This call cannot be connected.",
        voice: "Polly.Joanna-Neural",
        language: "en-US",
    };
    let replies = SafeReplies::new(&addresses(), &words);
    for door in Door::ALL {
        let context = match door {
            Door::Wait | Door::WaitKey | Door::WaitCode => Some("enqueue_wait"),
            Door::RoomWait => Some("conference_wait_hold_announce"),
            Door::Screen | Door::ScreenKey | Door::AgentAnswer | Door::AgentAccept => Some("number_url_screen"),
            _ => None,
        };
        for failures in 1..5 {
            let xml = replies.for_door(*door, failures);
            assert_eq!(check_twiml(context, xml), Ok(()), "{door:?}");
            let agent = context == Some("number_url_screen");
            assert!(!agent || xml.contains("<Hangup/>"), "{door:?}");
        }
    }
    assert!(!replies.for_door(Door::Wait, 2).contains("Leave") && replies.for_door(Door::Wait, 3).contains("<Leave/>"));
    let waiting = room_wait(&addresses(), Minted::of(CallId(uuid::Uuid::from_u128(42))), now());
    assert_eq!(check_twiml(Some("conference_wait_hold_announce"), &waiting), Ok(()));
}
