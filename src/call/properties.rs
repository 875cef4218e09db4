//! What holds of every call, whatever arrives in whatever order.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use super::effect::Effect;
use super::event::{Ending, Event};
use super::reply::Reply;
use super::signal::{CallerDoor, LegOutcome, Party, Signal};
use super::state::{Call, NewCall, Stage};
use super::task::TaskChange;
use super::{BrandFacts, CallerFacts, CarrierFacts, Decision, Facts, decide};
use crate::ids::{AgentId, BrandId, CallId, CarrierRef};
use crate::phone_number::{Caller, parse_phone_number};
use crate::rules::{self, DestinationPolicy, DialStopsAt, RingMethod, Rules};
use crate::shortlist::facts::{AgentFacts, LiveLeg, LoadedFacts};

const RULES: &str = r#"
[[brand]]
id = "acme"
name = "Acme"
inbox = "Acme"
time_zone = "America/New_York"
roster = ["ana", "ben", "cyd"]
voicemail = { key = "9" }
[[number]]
number = "+15550100002"
brand = "acme"
[[agent]]
id = "ana"
name = "Ana"
email = "ana@example.com"
phone = "+15550100003"
phone_verified = true
[[agent]]
id = "ben"
name = "Ben"
email = "ben@example.com"
phone = "+15550100004"
phone_verified = true
[[agent]]
id = "cyd"
name = "Cyd"
email = "cyd@example.com"
phone = "+15550100005"
phone_verified = true
"#;

/// A call in a small world: what is decided is saved at once.
pub(super) struct Desk {
    rules: Rules,
    destinations: DestinationPolicy,
    method: RingMethod,
    pub(super) now: DateTime<Utc>,
    pub(super) call: Call,
    agents: Vec<AgentFacts>,
}

impl Desk {
    pub(super) fn new(method: RingMethod) -> Self {
        let rules = rules::file::parse("rules.toml", RULES).unwrap();
        let now = DateTime::from_timestamp(1_795_514_400, 0).unwrap();
        let call = Call::new(NewCall {
            id: CallId(uuid::Uuid::from_u128(1)),
            brand: BrandId::new("acme"),
            number: parse_phone_number("+15550100002").unwrap(),
            caller: Caller::Known(parse_phone_number("+15550100099").unwrap()),
            caller_name: None,
            caller_ref: CarrierRef::new("CA1"),
            rules_version: 1,
            at: now,
        });
        let agents = rules.agents.iter().map(|agent| AgentFacts::unknown(agent.id.clone())).collect();
        Self { rules, destinations: DestinationPolicy::new(["US"], [], []), method, now, call, agents }
    }

    /// What is known of an agent by now.
    pub(super) fn known(&self, agent: &str) -> &AgentFacts {
        self.agents.iter().find(|facts| facts.agent.as_str() == agent).unwrap()
    }

    pub(super) fn known_mut(&mut self, agent: &str) -> &mut AgentFacts {
        self.agents.iter_mut().find(|facts| facts.agent.as_str() == agent).unwrap()
    }

    fn decide(&self, signal: &Signal) -> Decision {
        let agents = self
            .agents
            .iter()
            .map(|facts| {
                let leg = self.call.live_legs().find(|leg| leg.agent == facts.agent);
                let live_leg = leg.map(|leg| LiveLeg { call: self.call.id, since: leg.offered_at, talking: false });
                AgentFacts { live_leg, ..facts.clone() }
            })
            .collect();
        let carrier = CarrierFacts {
            rest_is_up: true,
            method: self.method,
            dial_stops_at: DialStopsAt::Unknown,
            pace: TimeDelta::seconds(1),
            legs_live_max: 10,
            legs_per_minute_max: 100,
        };
        let facts = Facts {
            at: self.now,
            loaded: LoadedFacts { agents, ..LoadedFacts::none() },
            caller: CallerFacts::default(),
            carrier,
            brand: BrandFacts::default(),
            destinations: &self.destinations,
            in_force: None,
            needed: &[],
        };
        decide(self.call.clone(), &self.rules, &facts, signal)
    }

    pub(super) fn take(&mut self, signal: &Signal) -> Decision {
        let decision = self.decide(signal);
        for mark in &decision.marks {
            if let Some(facts) = self.agents.iter_mut().find(|facts| facts.agent == *mark.agent()) {
                mark.change(facts, self.now);
            }
        }
        self.call = decision.call.clone();
        self.call.version += 1;
        decision
    }
}

/// One of three agents, or somebody whom nobody knows, calls in.
fn called_in(number: usize) -> Signal {
    let agent = AgentId::new(["ana", "ben", "cyd", "zoe"][number]);
    Signal::AgentCalledIn { agent, carrier_ref: CarrierRef::new(&format!("CI{number}")), doubted: false }
}

fn signals() -> impl Strategy<Value = Signal> {
    let leg = 1..6_u32;
    let recording = || (0..2_u8).prop_map(|number| CarrierRef::new(&format!("RE{number}")));
    let named = |leg: u32| CarrierRef::new(&format!("CL{leg}"));
    let door = prop_oneof![
        Just(CallerDoor::Queue),
        Just(CallerDoor::Join),
        Just(CallerDoor::Room),
        Just(CallerDoor::Elsewhere)
    ];
    let outcome = prop_oneof![
        Just(LegOutcome::Completed),
        Just(LegOutcome::Busy),
        Just(LegOutcome::NoAnswer),
        Just(LegOutcome::Failed),
        Just(LegOutcome::Canceled)
    ];
    let party = prop_oneof![Just(Party::Caller), leg.clone().prop_map(Party::Leg)];
    let key = prop_oneof![3 => Just(Some('1')), 1 => Just(Some('2')), 1 => Just(None)];
    let of_caller = prop_oneof![
        2 => Just(Signal::Arrived),
        4 => Just(Signal::WaitPolled),
        1 => Just(Signal::CallerPressed { key: '9' }),
        4 => door.prop_map(|at| Signal::CallerAsks { at }),
        1 => Just(Signal::CallerGone),
        2 => Just(Signal::FetchBegins),
        1 => Just(Signal::FetchFailed),
        2 => (1..4_u32, any::<bool>()).prop_map(|(round, bridged)| Signal::DialEnded { round, bridged }),
        1 => any::<bool>().prop_map(|connected| Signal::CallerChecked { connected }),
        4 => Just(Signal::Woken),
        2 => Just(Signal::PhonesFreed),
        2 => (0..4_usize).prop_map(called_in),
        1 => any::<bool>().prop_map(|sent| Signal::TextTold { sent, why: None }),
        1 => Just(Signal::AgentWithdrawn { agent: AgentId::new("ana") }),
    ];
    let of_leg = prop_oneof![
        2 => leg.clone().prop_map(move |leg| Signal::LegPlaced { leg, carrier_ref: named(leg) }),
        1 => (leg.clone(), any::<bool>()).prop_map(|(leg, unreachable)| Signal::LegRefused { leg, unreachable }),
        2 => leg.clone().prop_map(move |leg| Signal::LegRings { leg, carrier_ref: Some(named(leg)) }),
        4 => leg.clone().prop_map(move |leg| Signal::LegAsks { leg, carrier_ref: Some(named(leg)) }),
        6 => (leg.clone(), key).prop_map(|(leg, key)| Signal::LegPressed { leg, key }),
        1 => leg.clone().prop_map(|leg| Signal::LegLeftRoom { leg }),
        1 => leg.clone().prop_map(|leg| Signal::LegTurnedAway { leg }),
        3 => (leg.clone(), outcome).prop_map(|(leg, outcome)| Signal::LegFinished { leg, outcome }),
    ];
    let of_room = prop_oneof![
        3 => (party.clone(), proptest::option::of(1..4_u32)).prop_map(|(who, claim)| Signal::RoomEntered { who, claim }),
        2 => leg.prop_map(|leg| Signal::RoomStarted { leg }),
        1 => (party, proptest::option::of(1..4_u32)).prop_map(|(who, claim)| Signal::RoomLeft { who, claim }),
        1 => (any::<bool>(), any::<bool>()).prop_map(|(caller_in, leg_in)| Signal::RoomChecked { caller_in, leg_in }),
    ];
    let of_recorder = prop_oneof![
        proptest::option::of(recording()).prop_map(|recording| Signal::VoicemailTaken { recording, seconds: Some(3) }),
        recording().prop_map(|recording| Signal::RecordingReady { recording, seconds: 3 }),
        proptest::option::of(recording()).prop_map(|recording| Signal::RecordingAbsent { recording }),
        recording().prop_map(|recording| Signal::RecordingStored { recording }),
        recording().prop_map(|recording| Signal::Transcribed { recording, text: Some("words".to_owned()) }),
    ];
    prop_oneof![4 => of_caller, 5 => of_leg, 2 => of_room, 1 => of_recorder]
}

fn methods() -> impl Strategy<Value = RingMethod> {
    prop_oneof![Just(RingMethod::Legs), Just(RingMethod::Dial), Just(RingMethod::Auto)]
}

/// Signals after `Arrived`, each some time after the one before.
fn lives() -> impl Strategy<Value = Vec<(i64, Signal)>> {
    let pause = prop_oneof![3 => 0..500_i64, 2 => 500..6_000_i64, 1 => 6_000..60_000_i64];
    proptest::collection::vec((pause, signals()), 1..60)
}

fn count(events: &[Event], is_one: impl Fn(&Event) -> bool) -> usize {
    events.iter().filter(|event| is_one(event)).count()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_call_has_one_owner_and_one_ending_whatever_arrives(method in methods(), life in lives()) {
        let mut desk = Desk::new(method);
        let first = desk.take(&Signal::Arrived);
        let (mut history, mut tasks) = (first.events, first.tasks);
        for (pause, signal) in life {
            desk.now += TimeDelta::milliseconds(pause);
            let before = desk.call.clone();
            let decision = desk.take(&signal);
            history.extend(decision.events);
            tasks.extend(decision.tasks);
            prop_assert!(before.owner.is_none() || before.owner == desk.call.owner);
            if before.has_ended() {
                prop_assert_eq!((before.ending, before.ended_at), (desk.call.ending, desk.call.ended_at));
                prop_assert_eq!(desk.call.stage, Stage::Ended);
                let rings = decision.effects.iter().any(|effect| matches!(effect, Effect::RingAgent { .. }));
                prop_assert!(!rings);
            }
            prop_assert!(before.legs.len() <= desk.call.legs.len());
            prop_assert!(before.legs.iter().zip(&desk.call.legs).all(|(old, new)| old.live || !new.live));
        }
        let owners = count(&history, |event| matches!(event, Event::CallOwned { .. }));
        let endings = count(&history, |event| matches!(event, Event::CallEnded { .. }));
        prop_assert!(owners <= 1 && endings <= 1);
        // A call back is owed once for a voicemail or a miss, and settled once for who met an agent.
        let missed = tasks.iter().filter(|change| matches!(change, TaskChange::Missed(_))).count();
        let is_owed = matches!(desk.call.ending, Some(Ending::Voicemail | Ending::Missed));
        prop_assert_eq!((missed, tasks.len() - missed), (usize::from(is_owed), owners));
        let owned = desk.call.owner.as_ref();
        if let Some(owner) = owned {
            let claimed = history.iter().any(|event| match event {
                Event::CallClaimed { leg, .. } => desk.call.find_leg(*leg).is_some_and(|leg| leg.agent == *owner),
                _ => false,
            });
            prop_assert!(claimed, "{} owns and never claimed", owner);
        }
    }

    #[test]
    fn the_same_signal_again_changes_nothing_twice(method in methods(), life in lives()) {
        let mut desk = Desk::new(method);
        desk.take(&Signal::Arrived);
        for (pause, signal) in life {
            desk.now += TimeDelta::milliseconds(pause);
            let first = desk.take(&signal);
            let again = desk.decide(&signal);
            prop_assert_eq!(&first.call.owner, &again.call.owner);
            let asked: Vec<String> = first.effects.iter().map(|effect| effect.key(desk.call.id)).collect();
            for event in &again.events {
                let is_second = match event {
                    Event::CallClaimed { .. } => first.events.iter().any(|event| matches!(event, Event::CallClaimed { .. })),
                    Event::CallOwned { .. } => first.call.owner.is_some(),
                    Event::CallEnded { .. } => first.call.has_ended(),
                    Event::RecordingStored { recording } => first.call.voicemail.kept.contains(recording),
                    Event::LegReleased { leg } => first.call.find_leg(*leg).is_some_and(|leg| !leg.live),
                    Event::LegClosed { leg, .. } => first.call.find_leg(*leg).is_some_and(|leg| leg.end.is_some()),
                    _ => false,
                };
                prop_assert!(!is_second, "{:?} gave {:?} twice", signal, event);
            }
            for effect in again.effects.iter().filter(|effect| matches!(effect, Effect::RingAgent { .. } | Effect::NoteEnd | Effect::NoteMissed)) {
                let key = effect.key(desk.call.id);
                let another_leg = matches!(effect, Effect::RingAgent { .. }) && !asked.contains(&key);
                prop_assert!(another_leg || !asked.is_empty(), "{:?} is asked for by a repeat of {:?}", effect, signal);
            }
        }
    }

    #[test]
    fn no_agent_is_rung_on_two_legs_of_one_call(method in methods(), life in lives()) {
        let mut desk = Desk::new(method);
        desk.take(&Signal::Arrived);
        for (pause, signal) in life {
            desk.now += TimeDelta::milliseconds(pause);
            desk.take(&signal);
            let mut held: Vec<&AgentId> = desk.call.live_legs().map(|leg| &leg.agent).collect();
            let count = held.len();
            held.sort();
            held.dedup();
            prop_assert_eq!(held.len(), count);
        }
    }

    #[test]
    fn a_call_left_alone_by_everybody_asks_to_be_looked_at_or_is_settled(method in methods(), life in lives()) {
        let mut desk = Desk::new(method);
        desk.take(&Signal::Arrived);
        for (pause, signal) in life {
            desk.now += TimeDelta::milliseconds(pause);
            desk.take(&signal);
            let waits_for_caller = desk.call.stage == Stage::Voicemail && desk.call.caller_left_at.is_some();
            prop_assert!(
                desk.call.wake_at().is_some() || desk.call.is_settled() || waits_for_caller,
                "nothing wakes {:?}", desk.call
            );
        }
    }

    #[test]
    fn whoever_listens_is_told_something(method in methods(), life in lives()) {
        let mut desk = Desk::new(method);
        desk.take(&Signal::Arrived);
        for (pause, signal) in life {
            desk.now += TimeDelta::milliseconds(pause);
            let reply = desk.take(&signal).reply;
            match signal {
                Signal::WaitPolled | Signal::CallerPressed { .. } => {
                    prop_assert!(matches!(reply, Reply::KeepWaiting { seconds: 1..=6, .. } | Reply::LeaveQueue), "{:?}", reply);
                }
                Signal::Arrived | Signal::CallerAsks { .. } | Signal::DialEnded { .. } | Signal::VoicemailTaken { .. } => {
                    let is_for_agents = matches!(reply, Reply::AskToAccept { .. } | Reply::Bridge | Reply::KeepWaiting { .. } | Reply::LeaveQueue);
                    prop_assert!(reply != Reply::Nothing && !is_for_agents, "{:?}", reply);
                }
                Signal::LegAsks { .. } | Signal::LegPressed { .. } | Signal::LegLeftRoom { .. } => {
                    let is_for_agents = matches!(
                        reply,
                        Reply::AskToAccept { .. } | Reply::Bridge | Reply::JoinRoom { .. } | Reply::SayAndHangUp { .. } | Reply::HangUp
                    );
                    prop_assert!(is_for_agents, "{:?}", reply);
                }
                Signal::AgentCalledIn { .. } => {
                    let is_for_agents = matches!(reply, Reply::AskToAccept { .. } | Reply::SayAndHangUp { .. } | Reply::OneMoment);
                    prop_assert!(is_for_agents, "{:?}", reply);
                }
                _ => prop_assert_eq!(reply, Reply::Nothing),
            }
        }
    }
}

/// A call brought to each stage under `legs`, with the leg that matters there.
pub(super) fn brought_to(stage: &str) -> Desk {
    let mut desk = Desk::new(RingMethod::Legs);
    let ways: &[Signal] = match stage {
        "new" => &[],
        "waiting" => &[Signal::Arrived, Signal::WaitPolled],
        "prompted" => &[Signal::Arrived, Signal::WaitPolled, Signal::LegAsks { leg: 1, carrier_ref: None }],
        "claimed" => &[
            Signal::Arrived,
            Signal::WaitPolled,
            Signal::LegAsks { leg: 1, carrier_ref: None },
            Signal::LegPressed { leg: 1, key: Some('1') },
        ],
        "talking" => &[
            Signal::Arrived,
            Signal::WaitPolled,
            Signal::LegAsks { leg: 1, carrier_ref: None },
            Signal::LegPressed { leg: 1, key: Some('1') },
            Signal::CallerAsks { at: CallerDoor::Join },
            Signal::RoomEntered { who: Party::Caller, claim: Some(1) },
            Signal::RoomEntered { who: Party::Leg(1), claim: Some(1) },
            Signal::RoomStarted { leg: 1 },
        ],
        "voicemail" => &[
            Signal::Arrived,
            Signal::WaitPolled,
            Signal::CallerPressed { key: '9' },
            Signal::CallerAsks { at: CallerDoor::Queue },
        ],
        "ended" => &[Signal::Arrived, Signal::WaitPolled, Signal::CallerGone],
        other => panic!("no such stage: {other}"),
    };
    for signal in ways {
        desk.now += TimeDelta::milliseconds(300);
        desk.take(signal);
    }
    desk
}

fn name_of(reply: &Reply) -> &'static str {
    match reply {
        Reply::Nothing => "nothing",
        Reply::Refuse => "refuse",
        Reply::Hold => "hold",
        Reply::Challenge { .. } => "challenge",
        Reply::AskCode { .. } => "code",
        Reply::AskSwitch { .. } => "switch",
        Reply::AskMenu { .. } => "menu",
        Reply::SayNotice { .. } => "notice",
        Reply::RingLine { .. } => "line",
        Reply::AskLine { .. } => "ask line",
        Reply::Wait { .. } => "wait",
        Reply::KeepWaiting { .. } => "keep",
        Reply::LeaveQueue => "leave",
        Reply::RingTogether { .. } => "dial",
        Reply::AskToAccept { .. } => "ask",
        Reply::OneMoment => "moment",
        Reply::Bridge => "bridge",
        Reply::JoinRoom { .. } => "room",
        Reply::TakeVoicemail { .. } => "record",
        Reply::SayAndHangUp { .. } => "say",
        Reply::HangUp => "bye",
    }
}

#[test]
fn each_stage_answers_each_question_with_something_sensible() {
    let questions = [
        Signal::Arrived,
        Signal::WaitPolled,
        Signal::CallerPressed { key: '9' },
        Signal::CallerAsks { at: CallerDoor::Queue },
        Signal::CallerAsks { at: CallerDoor::Join },
        Signal::CallerAsks { at: CallerDoor::Room },
        Signal::CallerAsks { at: CallerDoor::Elsewhere },
        Signal::LegAsks { leg: 2, carrier_ref: None },
        Signal::LegPressed { leg: 1, key: Some('1') },
        Signal::LegPressed { leg: 2, key: Some('1') },
        Signal::LegPressed { leg: 2, key: None },
        Signal::LegLeftRoom { leg: 1 },
        Signal::VoicemailTaken { recording: None, seconds: None },
    ];
    let table = [
        //            arrived  poll    key 9    queue   join     room     else      asks   1 on 1  1 on 2  none    left   taken
        ("new", ["wait", "leave", "leave", "wait", "wait", "wait", "wait", "say", "say", "say", "say", "say", "say"]),
        (
            "waiting",
            ["wait", "keep", "leave", "wait", "wait", "wait", "wait", "ask", "room", "room", "bye", "bye", "say"],
        ),
        (
            "prompted",
            ["wait", "keep", "leave", "wait", "wait", "wait", "wait", "ask", "room", "room", "bye", "bye", "say"],
        ),
        (
            "claimed",
            ["room", "leave", "leave", "room", "room", "wait", "room", "say", "room", "say", "bye", "bye", "say"],
        ),
        ("talking", ["bye", "leave", "leave", "room", "room", "bye", "bye", "say", "room", "say", "bye", "bye", "say"]),
        (
            "voicemail",
            [
                "record", "leave", "leave", "record", "record", "record", "record", "say", "say", "say", "bye", "say",
                "say",
            ],
        ),
        ("ended", ["bye", "leave", "leave", "bye", "bye", "bye", "bye", "say", "say", "say", "bye", "say", "say"]),
    ];
    for (stage, expected) in table {
        let replies: Vec<&str> =
            questions.iter().map(|signal| name_of(&brought_to(stage).decide(signal).reply)).collect();
        assert_eq!(replies, expected, "{stage}");
    }
}
