use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::ids::CallId;

const ACCOUNT: &str = "ACffffffffffffffffffffffffffffffff";
const CALLER: &str = "CAaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const AGENT: &str = "CAbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
const RECORDING: &str = "REcccccccccccccccccccccccccccccccc";

fn sample(name: &str) -> BTreeMap<String, String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/contracts/twilio/webhooks");
    let text = std::fs::read_to_string(format!("{folder}/{name}.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn form(pairs: &BTreeMap<String, String>) -> Form {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    Form::decode(body.as_bytes())
}

fn minted() -> Minted {
    Minted::of(CallId(uuid::Uuid::from_u128(42))).leg(2).round(1).step(7)
}

fn read_pairs(door: Door, pairs: &BTreeMap<String, String>) -> Result<Incoming, BadWebhook> {
    read(door, door.is_minted().then(minted), &form(pairs), None, ACCOUNT)
}

fn signals(door: Door, name: &str) -> Vec<Signal> {
    match read_pairs(door, &sample(name)).unwrap_or_else(|error| panic!("{name}: {error}")).what {
        What::OfCall { signals, .. } | What::ByCaller { signals, .. } => signals,
        What::Voice(_) | What::Fallback(_) => panic!("{name} begins a call"),
    }
}

fn finished(outcome: LegOutcome) -> Vec<Signal> {
    vec![Signal::LegFinished { leg: 2, outcome }]
}

fn agent_ref() -> CarrierRef {
    CarrierRef::new(AGENT)
}

fn recording() -> CarrierRef {
    CarrierRef::new(RECORDING)
}

fn asks(at: CallerDoor) -> Vec<Signal> {
    vec![Signal::CallerAsks { at }]
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table of all samples")]
fn every_sample_says_what_it_should() {
    let rings = || vec![Signal::LegRings { leg: 2, carrier_ref: Some(agent_ref()) }];
    let placed = || vec![Signal::LegPlaced { leg: 2, carrier_ref: agent_ref() }];
    let dialled = |bridged| vec![Signal::DialEnded { round: 1, bridged }];
    let ready = |seconds| vec![Signal::RecordingReady { recording: recording(), seconds }];
    let absent = || vec![Signal::RecordingAbsent { recording: Some(recording()) }];
    let taken = || Signal::VoicemailTaken { recording: Some(recording()), seconds: Some(17) };
    let said = Some("Hi this is Jane please call me back about the leak thank you.".to_owned());
    let table: Vec<(Door, &str, Vec<Signal>)> = vec![
        (Door::CallStatus, "inbound-call-status-completed", vec![Signal::CallerGone]),
        (Door::AgentStatus, "number-status-initiated", placed()),
        (Door::AgentStatus, "number-status-ringing", rings()),
        (Door::AgentStatus, "number-status-answered", rings()),
        (Door::AgentStatus, "number-status-completed", finished(LegOutcome::Completed)),
        (Door::AgentStatus, "number-status-completed-busy", finished(LegOutcome::Busy)),
        (Door::AgentStatus, "number-status-completed-canceled", finished(LegOutcome::Canceled)),
        (Door::AgentStatus, "number-status-completed-failed", finished(LegOutcome::Failed)),
        (Door::AgentStatus, "number-status-completed-no-answer", finished(LegOutcome::NoAnswer)),
        (Door::AgentStatus, "api-call-status-initiated", placed()),
        (Door::AgentStatus, "api-call-status-ringing", rings()),
        (Door::AgentStatus, "api-call-status-answered", rings()),
        (Door::AgentStatus, "api-call-status-completed", finished(LegOutcome::Completed)),
        (Door::AgentStatus, "api-call-status-busy", finished(LegOutcome::Busy)),
        (Door::AgentStatus, "api-call-status-canceled", finished(LegOutcome::Canceled)),
        (Door::AgentStatus, "api-call-status-failed", finished(LegOutcome::Failed)),
        (Door::AgentStatus, "api-call-status-no-answer", finished(LegOutcome::NoAnswer)),
        (Door::Screen, "number-screen-request", vec![Signal::LegAsks { leg: 2, carrier_ref: Some(agent_ref()) }]),
        (Door::ScreenKey, "number-screen-gather-action", vec![Signal::LegPressed { leg: 2, key: Some('1') }]),
        (
            Door::AgentAnswer,
            "api-call-answered-url-request",
            vec![Signal::LegAsks { leg: 2, carrier_ref: Some(agent_ref()) }],
        ),
        (
            Door::AgentAnswer,
            "api-call-answered-url-request-amd",
            vec![Signal::LegAsks { leg: 2, carrier_ref: Some(agent_ref()) }],
        ),
        (Door::WaitKey, "gather-action-digits", vec![Signal::CallerPressed { key: '2' }]),
        (Door::WaitKey, "gather-action-empty", vec![Signal::WaitPolled]),
        (Door::AgentAccept, "gather-action-empty", vec![Signal::LegPressed { leg: 2, key: None }]),
        (Door::AgentAccept, "gather-action-speech", vec![Signal::LegPressed { leg: 2, key: None }]),
        (Door::DialEnded, "dial-action-completed", dialled(true)),
        (Door::DialEnded, "dial-action-busy", dialled(false)),
        (
            Door::DialEnded,
            "dial-action-canceled",
            vec![Signal::CallerGone, Signal::DialEnded { round: 1, bridged: false }],
        ),
        (Door::DialEnded, "dial-action-failed", dialled(false)),
        (Door::DialEnded, "dial-action-no-answer", dialled(false)),
        (Door::RoomLeft, "dial-action-conference-answered", asks(CallerDoor::Room)),
        (Door::Left, "enqueue-action-hangup", vec![Signal::CallerGone]),
        (Door::Left, "enqueue-action-leave", asks(CallerDoor::Queue)),
        (Door::Left, "enqueue-action-error", asks(CallerDoor::Queue)),
        (Door::Left, "enqueue-action-queue-full", asks(CallerDoor::Queue)),
        (Door::Left, "enqueue-action-redirected", asks(CallerDoor::Queue)),
        (Door::Left, "enqueue-action-bridged", asks(CallerDoor::Queue)),
        (Door::Wait, "enqueue-wait-url", vec![Signal::WaitPolled]),
        (Door::RoomWait, "conference-wait-url", vec![]),
        (Door::RoomEvents, "conference-start", vec![Signal::RoomStarted { leg: 2 }]),
        (Door::RoomEvents, "conference-end", vec![]),
        (Door::RoomEvents, "conference-participant-hold", vec![]),
        (
            Door::RoomEvents,
            "conference-participant-join",
            vec![Signal::RoomEntered { who: Party::Caller, claim: Some(2) }],
        ),
        (Door::VoicemailDone, "record-action", vec![taken()]),
        (Door::VoicemailDone, "record-action-hangup", vec![taken(), Signal::CallerGone]),
        (Door::Recording, "recording-status-completed-voicemail", ready(17)),
        (Door::Recording, "recording-status-completed-dial", ready(180)),
        (Door::Recording, "recording-status-completed-conference", ready(180)),
        (Door::Recording, "recording-status-absent", absent()),
        (Door::Recording, "recording-status-failed", absent()),
        (Door::Recording, "recording-status-in-progress", vec![]),
        (
            Door::Transcript,
            "transcribe-callback-completed",
            vec![Signal::Transcribed { recording: recording(), text: said }],
        ),
        (
            Door::Transcript,
            "transcribe-callback-failed",
            vec![Signal::Transcribed { recording: recording(), text: None }],
        ),
    ];
    for (door, name, expected) in table {
        assert_eq!(signals(door, name), expected, "{name}");
    }
    let mut left = sample("conference-participant-leave");
    left.insert("ParticipantLabel".to_owned(), "leg-2".to_owned());
    let read = read_pairs(Door::RoomEvents, &left).unwrap().what;
    assert_eq!(
        read,
        What::OfCall { minted: minted(), signals: vec![Signal::RoomLeft { who: Party::Leg(2), claim: Some(2) }] }
    );
    assert_eq!(signals(Door::DialEnded, "dial-action-caller-hung-up")[0], Signal::CallerGone);
}

#[test]
fn a_call_begins_with_who_calls_whom() {
    let read = |door, name: &str| match read_pairs(door, &sample(name)).unwrap().what {
        What::Voice(call) | What::Fallback(call) => call,
        What::ByCaller { .. } | What::OfCall { .. } => panic!("{name} begins no call"),
    };
    let call = read(Door::Voice, "incoming-voice-request");
    assert_eq!(call.caller_ref.as_str(), CALLER);
    assert_eq!(call.caller_name.as_deref(), Some("JANE DOE"));
    assert_eq!(call.to.as_e164(), "+15550100002");
    assert!(matches!(call.from, Caller::Known(ref number) if number.as_e164() == "+15550100001"));
    assert_eq!(read(Door::Voice, "incoming-voice-request-anonymous").from, Caller::Withheld);
    assert!(read(Door::Voice, "incoming-voice-request-forwarded").forwarded_from.is_some());
    assert_eq!(read(Door::Fallback, "voice-fallback-request").caller_ref.as_str(), CALLER);
    assert!(matches!(parse_caller("sip:x@y"), Caller::Other(_)));
}

#[test]
fn another_account_and_an_unnamed_call_are_refused() {
    let pairs = form(&sample("enqueue-wait-url"));
    let other = read(Door::Wait, Some(minted()), &pairs, None, "ACeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee");
    assert_eq!(other, Err(BadWebhook::OtherAccount));
    assert_eq!(read(Door::Wait, None, &pairs, None, ACCOUNT), Err(BadWebhook::Unnamed("call")));
}

#[test]
fn a_repeat_is_known_by_its_token_or_its_step() {
    let pairs = form(&sample("record-action"));
    let key = |door, minted, token| read(door, minted, &pairs, token, ACCOUNT).unwrap().key;
    assert_eq!(key(Door::VoicemailDone, Some(minted()), Some("abc")).as_deref(), Some("token:abc"));
    let own = key(Door::VoicemailDone, Some(minted()), None).unwrap();
    assert!(own.ends_with(":2:1:7"), "{own}");
    assert!(key(Door::Voice, None, None).unwrap().ends_with(CALLER));
    assert_eq!(key(Door::Wait, Some(minted()), Some("abc")), None);
    assert_eq!(key(Door::AgentStatus, Some(minted()), Some("abc")), None);
}

/// The text Twilio signs: sorted names, each with its value.
fn glue(pairs: &BTreeMap<String, String>) -> String {
    pairs.iter().map(|(name, value)| format!("{name}{value}")).collect()
}

/// What a form means to us: only what reaches the core.
fn meaning(door: Door, pairs: &BTreeMap<String, String>) -> Option<Incoming> {
    read_pairs(door, pairs).ok()
}

const SIGNED: [(Door, &str); 10] = [
    (Door::AgentAccept, "gather-action-digits"),
    (Door::WaitKey, "gather-action-digits"),
    (Door::DialEnded, "dial-action-completed"),
    (Door::Left, "enqueue-action-hangup"),
    (Door::VoicemailDone, "record-action"),
    (Door::Recording, "recording-status-completed-voicemail"),
    (Door::Transcript, "transcribe-callback-completed"),
    (Door::RoomEvents, "conference-participant-join"),
    (Door::AgentStatus, "api-call-status-completed"),
    (Door::Voice, "incoming-voice-request"),
];

#[test]
fn no_parameter_can_be_swallowed_by_the_one_before_it() {
    for (door, name) in SIGNED {
        let pairs = sample(name);
        let original = meaning(door, &pairs).unwrap();
        let names: Vec<_> = pairs.keys().cloned().collect();
        // Every run of neighbours becomes one value of the name before, or of a longer name.
        for first in 0..names.len() {
            for last in first + 1..names.len().min(first + 4) {
                let run: String = names[first..=last].iter().map(|name| format!("{name}{}", pairs[name])).collect();
                for at in (1..run.len()).filter(|at| run.is_char_boundary(*at)) {
                    let mut recut = pairs.clone();
                    names[first..=last].iter().for_each(|name| drop(recut.remove(name)));
                    let (new_name, new_value) = run.split_at(at);
                    recut.insert(new_name.to_owned(), new_value.to_owned());
                    if glue(&recut) == glue(&pairs) {
                        let read = meaning(door, &recut);
                        assert!(read.is_none() || read.as_ref() == Some(&original), "{name}: {new_name}");
                    }
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn no_other_cut_of_the_signed_text_means_something_else(
        which in 0_usize..SIGNED.len(),
        moved in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..4),
    ) {
        let (door, name) = SIGNED[which];
        let pairs = sample(name);
        let original = meaning(door, &pairs).unwrap();
        let signed = glue(&pairs);
        // Borders between names and values in the glued text, some of them moved or dropped.
        let mut borders: Vec<usize> = Vec::new();
        let mut at = 0;
        for (name, value) in &pairs {
            borders.extend([at, at + name.len()]);
            at += name.len() + value.len();
        }
        for (border, to) in moved {
            let border = border.index(borders.len());
            borders[border] = to.index(signed.len());
        }
        borders.sort_unstable();
        borders.push(signed.len());
        let pieces: Vec<&str> = borders.windows(2).map(|pair| &signed[pair[0]..pair[1]]).collect();
        let mut recut = BTreeMap::new();
        for pair in pieces.chunks(2) {
            recut.insert(pair[0].to_owned(), pair.get(1).copied().unwrap_or_default().to_owned());
        }
        if glue(&recut) == signed {
            let read = meaning(door, &recut);
            prop_assert!(read.is_none() || read.as_ref() == Some(&original), "{:?}", recut);
        }
    }
}
