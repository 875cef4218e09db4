//! What holds of calls on which codes are keyed in, and of callers in a flood, whatever arrives.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use super::event::{Ending, Event};
use super::floods::{FloodLimit, FloodStand};
use super::reply::Reply;
use super::signal::{CallerDoor, Signal};
use super::state::{Call, NewCall, Stage};
use super::supervisor::{CODE_TIME, CodeVerdict};
use super::switch::{SwitchChange, SwitchKind};
use super::{BrandFacts, CallerFacts, CarrierFacts, Decision, Facts, decide};
use crate::ids::{BrandId, CallId, CarrierRef, SupervisorId};
use crate::phone_number::{Caller, parse_phone_number};
use crate::rules::{self, DestinationPolicy, DialStopsAt, RingMethod, Rules};
use crate::shortlist::facts::{AgentFacts, LoadedFacts};

const RULES: &str = r#"
[[brand]]
id = "acme"
name = "Acme"
inbox = "Acme"
time_zone = "America/New_York"
roster = ["ana", "ben"]
voicemail = { key = "9" }
operator = { number = "+15550100098" }
[[supervisor]]
id = "dana"
name = "Dana"
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
"#;

struct Desk {
    rules: Rules,
    destinations: DestinationPolicy,
    method: RingMethod,
    caller: CallerFacts,
    brand: BrandFacts,
    now: DateTime<Utc>,
    call: Call,
}

impl Desk {
    fn new(method: RingMethod) -> Self {
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
        let destinations = DestinationPolicy::new(["US"], [], []);
        let (caller, brand) = (CallerFacts::default(), BrandFacts::default());
        Self { rules, destinations, method, caller, brand, now, call }
    }

    fn take(&mut self, signal: &Signal) -> Decision {
        let agents = self.rules.agents.iter().map(|agent| AgentFacts::unknown(agent.id.clone())).collect();
        let facts = Facts {
            at: self.now,
            loaded: LoadedFacts { agents, ..LoadedFacts::none() },
            caller: self.caller,
            carrier: CarrierFacts {
                rest_is_up: true,
                method: self.method,
                dial_stops_at: DialStopsAt::Unknown,
                pace: TimeDelta::seconds(1),
                legs_live_max: 10,
                legs_per_minute_max: 100,
            },
            brand: self.brand,
            destinations: &self.destinations,
            in_force: None,
            needed: &[],
        };
        let decision = decide(self.call.clone(), &self.rules, &facts, signal);
        self.call = decision.call.clone();
        self.call.version += 1;
        decision
    }

    fn later(&mut self, seconds: i64) -> &mut Self {
        self.now += TimeDelta::seconds(seconds);
        self
    }
}

fn good() -> Signal {
    Signal::CodeTried { in_queue: true, verdict: CodeVerdict::Good { supervisor: SupervisorId::new("dana") } }
}

fn star() -> Signal {
    Signal::CallerPressed { key: '*' }
}

#[test]
fn an_unused_part_of_the_time_is_taken_back_from_the_deadline() {
    let mut desk = Desk::new(RingMethod::Legs);
    desk.take(&Signal::Arrived);
    desk.later(5).take(&Signal::WaitPolled);
    let before = desk.call.deadline_at.unwrap();
    assert_eq!(desk.later(1).take(&star()).reply, Reply::AskCode { in_queue: true });
    assert_eq!(desk.call.deadline_at, Some(before + CODE_TIME));
    let back = desk.later(7).take(&Signal::CodeTried { in_queue: true, verdict: CodeVerdict::Wrong });
    assert!(matches!(back.reply, Reply::KeepWaiting { .. }), "{:?}", back.reply);
    assert_eq!(desk.call.deadline_at, Some(before + TimeDelta::seconds(7)));
    assert_eq!(desk.call.codes.spent_ms, 7_000);
    // All together it is 30 s, however often.
    desk.later(1).take(&star());
    assert_eq!(desk.call.deadline_at, Some(before + CODE_TIME));
}

#[test]
fn a_wrong_code_never_ends_the_ring_earlier_than_no_code_would_have() {
    // What comes after the ring takes so long that nothing can be added to the ring.
    let late_line = RULES
        .replace("number = \"+15550100098\" }", "number = \"+15550100098\", ring_s = 60 }\nmax_wait_s = 25")
        .replace("voicemail = ", "fallback = { path = \"operator\" }\nvoicemail = ");
    for typed_s in [1, 6, 12] {
        let mut desk = Desk::new(RingMethod::Legs);
        desk.rules = rules::file::parse("rules.toml", &late_line).unwrap();
        desk.take(&Signal::Arrived);
        desk.later(4).take(&Signal::WaitPolled);
        let before = desk.call.deadline_at.unwrap();
        desk.later(1).take(&star());
        assert!(desk.call.deadline_at.unwrap() >= before);
        desk.later(typed_s).take(&Signal::CodeTried { in_queue: true, verdict: CodeVerdict::Wrong });
        let after = desk.call.deadline_at.unwrap();
        assert!(after >= before && after <= before + TimeDelta::seconds(typed_s), "{typed_s} s: {before}, {after}");
        assert!(desk.call.open_legs().count() > 0, "{typed_s} s: the phones stopped");
    }
}

#[test]
fn a_wrong_code_leads_back_to_the_document_that_listened() {
    let code = |verdict| Signal::CodeTried { in_queue: false, verdict };
    let first_star = Signal::FirstKeyPressed { key: Some('*') };
    // The first document that only listens.
    let mut desk = Desk::new(RingMethod::Dial);
    assert_eq!(desk.take(&Signal::Arrived).reply, Reply::Hold);
    for _ in 0..2 {
        desk.later(1).take(&first_star);
        assert_eq!(desk.later(2).take(&code(CodeVerdict::Wrong)).reply, Reply::Hold);
    }
    desk.later(1).take(&first_star);
    let last = desk.later(2).take(&code(CodeVerdict::Wrong));
    assert!(matches!(last.reply, Reply::RingTogether { .. }), "{:?}", last.reply);
    // The challenge of a declared flood, which a code does not answer.
    let mut desk = Desk::new(RingMethod::Legs);
    desk.brand.flood_until = Some(desk.now + TimeDelta::hours(1));
    desk.take(&Signal::Arrived);
    for _ in 0..2 {
        desk.later(3).take(&Signal::ChallengeAnswered { turn: 1, key: Some('*') });
        let back = desk.later(2).take(&code(CodeVerdict::Wrong));
        assert!(matches!(back.reply, Reply::Challenge { turn: 1, .. }), "{:?}", back.reply);
    }
    assert_eq!(desk.call.flood, Some(FloodStand::Challenged));
    let key = Some(desk.call.challenge_key());
    desk.later(3).take(&Signal::ChallengeAnswered { turn: 1, key });
    assert_eq!(desk.call.flood, Some(FloodStand::Passed));
}

#[test]
fn a_caller_who_asks_for_a_code_for_ever_is_somewhere_in_time() {
    let mut desk = Desk::new(RingMethod::Dial);
    desk.take(&Signal::Arrived);
    while desk.call.stage == Stage::Hold {
        desk.later(1).take(&Signal::FirstKeyPressed { key: Some('*') });
        desk.take(&Signal::CodeTried { in_queue: false, verdict: CodeVerdict::Nothing });
        assert!(desk.now - desk.call.arrived_at <= TimeDelta::seconds(80), "the first document is still heard");
    }
}

#[test]
fn a_caller_whose_connection_broke_before_anybody_took_the_call_is_owed_a_call_back() {
    let mut desk = Desk::new(RingMethod::Legs);
    desk.take(&Signal::Arrived);
    let cut_off = desk.later(4).take(&Signal::CallerFailed);
    assert_eq!(desk.call.ending, Some(Ending::Failed));
    assert!(desk.call.open_legs().next().is_none(), "phones ring for nobody");
    assert!(matches!(&cut_off.tasks[..], [super::task::TaskChange::Missed(_)]), "{:?}", cut_off.tasks);
    assert!(cut_off.effects.contains(&super::effect::Effect::NoteMissed));
    // Told again, and told as a hang-up besides: it stays what it was.
    desk.take(&Signal::CallerFailed);
    desk.take(&Signal::CallerGone);
    assert_eq!(desk.call.ending, Some(Ending::Failed));
}

#[test]
fn a_number_that_the_carrier_does_not_vouch_for_is_offered_no_caller() {
    for doubted in [true, false] {
        let mut desk = Desk::new(RingMethod::Legs);
        desk.take(&Signal::Arrived);
        let declined = desk.later(3).take(&Signal::LegPressed { leg: 1, key: Some('3') });
        assert_eq!(declined.reply, Reply::HangUp);
        desk.take(&Signal::LegFinished { leg: 1, outcome: super::signal::LegOutcome::Completed });
        let agent = desk.call.legs[0].agent.clone();
        let called = Signal::AgentCalledIn { agent, carrier_ref: CarrierRef::new("CI1"), doubted };
        let reply = desk.later(2).take(&called).reply;
        assert_eq!(matches!(reply, Reply::AskToAccept { .. }), !doubted, "{reply:?}");
        assert_eq!(matches!(reply, Reply::SayAndHangUp { .. }), doubted, "{reply:?}");
    }
}

#[test]
fn a_phone_is_never_rung_for_the_call_that_it_makes() {
    let mut desk = Desk::new(RingMethod::Legs);
    desk.call.caller = Caller::Known(parse_phone_number("+15550100003").unwrap());
    desk.take(&Signal::Arrived);
    let rung: Vec<&str> = desk.call.legs.iter().map(|leg| leg.agent.as_str()).collect();
    assert_eq!(rung, ["ben"]);
}

#[test]
fn a_caller_whom_an_override_takes_from_the_ring_does_not_wait_all_over_again() {
    let mut desk = Desk::new(RingMethod::Legs);
    desk.take(&Signal::Arrived);
    desk.later(5).take(&Signal::WaitPolled);
    let before = desk.call.deadline_at.unwrap();
    desk.later(5).take(&Signal::Overridden);
    let rung = desk.later(2).take(&Signal::CallerAsks { at: CallerDoor::Queue });
    assert!(matches!(rung.reply, Reply::RingLine { .. }), "{:?}", rung.reply);
    desk.later(9).take(&Signal::LineEnded { attempt: 1, bridged: false });
    assert_eq!(desk.call.stage, Stage::Waiting);
    // `max_wait` counts from the first offer; the operator's line has a bound of its own.
    assert_eq!(desk.call.deadline_at, Some(before + TimeDelta::seconds(9)));
}

#[test]
fn a_code_that_comes_too_late_or_twice_turns_nothing() {
    let mut desk = Desk::new(RingMethod::Legs);
    desk.take(&Signal::Arrived);
    desk.later(3).take(&star());
    desk.later(31).take(&Signal::Woken);
    assert!(!desk.call.awaits_code(desk.now));
    desk.take(&good());
    assert_ne!(desk.call.stage, Stage::Supervisor);

    let mut desk = Desk::new(RingMethod::Legs);
    desk.take(&Signal::Arrived);
    desk.later(3).take(&star());
    let first = desk.later(4).take(&good());
    assert!(matches!(first.reply, Reply::AskSwitch { .. }) && desk.call.open_legs().count() == 0);
    let again = desk.take(&good());
    assert!(matches!(again.reply, Reply::AskSwitch { .. } | Reply::LeaveQueue), "{:?}", again.reply);
    let on = desk.take(&Signal::SwitchChosen { key: Some('1') });
    let hour = desk.now + TimeDelta::hours(1);
    assert!(
        matches!(&on.switches[..], [SwitchChange::Begin { switch }] if switch.until == hour && switch.kind == SwitchKind::Override)
    );
    assert_eq!(desk.call.ending, Some(Ending::Supervisor));
    let twice = desk.take(&Signal::SwitchChosen { key: Some('3') });
    assert!(twice.switches.is_empty(), "the end was turned by a call that is over");
}

#[test]
fn who_is_refused_in_a_flood_and_who_is_not() {
    let until = DateTime::from_timestamp(1_795_518_000, 0);
    let caller = |recent_calls, is_contact, talks| CallerFacts { recent_calls, is_contact, talks, is_blocked: false };
    let declared = BrandFacts { flood_until: until, ..BrandFacts::default() };
    let calm = BrandFacts::default();
    let cases = [
        ("second call", caller(1, false, false), calm, None),
        ("third call", caller(2, false, false), calm, Some(FloodStand::Refused)),
        ("third call of a contact", caller(2, true, false), calm, Some(FloodStand::Refused)),
        ("third call of a number that talks", caller(2, false, true), calm, None),
        ("stranger in a declared flood", caller(0, false, false), declared, Some(FloodStand::Challenged)),
        ("stranger again in a declared flood", caller(1, false, false), declared, Some(FloodStand::Refused)),
        ("contact in a declared flood", caller(1, true, false), declared, None),
        ("number that talks in a declared flood", caller(5, false, true), declared, None),
    ];
    for (name, caller, brand, stand) in cases {
        let mut desk = Desk::new(RingMethod::Legs);
        (desk.caller, desk.brand) = (caller, brand);
        desk.take(&Signal::Arrived);
        assert_eq!(desk.call.flood, stand, "{name}");
    }
    for (recent, refused) in [(9, false), (10, true)] {
        let mut desk = Desk::new(RingMethod::Legs);
        desk.call.caller = Caller::Withheld;
        desk.brand.withheld_recent = recent;
        let events = desk.take(&Signal::Arrived).events;
        let by_budget = |event: &Event| matches!(event, Event::FloodRefused { by: FloodLimit::Withheld, .. });
        assert_eq!(events.iter().any(by_budget), refused, "{recent} withheld calls");
    }
}

fn signals() -> impl Strategy<Value = Signal> {
    let verdict = prop_oneof![
        2 => Just(CodeVerdict::Good { supervisor: SupervisorId::new("dana") }),
        3 => Just(CodeVerdict::Wrong),
        1 => Just(CodeVerdict::Refused),
        1 => Just(CodeVerdict::Nothing),
        1 => Just(CodeVerdict::NotAsked),
    ];
    let key = || prop_oneof![3 => Just(Some('*')), 1 => Just(Some('1')), 1 => Just(Some('3')), 2 => Just(None)];
    let door = prop_oneof![
        Just(CallerDoor::Queue),
        Just(CallerDoor::Join),
        Just(CallerDoor::Room),
        Just(CallerDoor::Elsewhere)
    ];
    prop_oneof![
        5 => Just(star()),
        5 => (any::<bool>(), verdict).prop_map(|(in_queue, verdict)| Signal::CodeTried { in_queue, verdict }),
        3 => key().prop_map(|key| Signal::SwitchChosen { key }),
        2 => key().prop_map(|key| Signal::FirstKeyPressed { key }),
        2 => (1..3_u32, key()).prop_map(|(turn, key)| Signal::ChallengeAnswered { turn, key }),
        3 => Just(Signal::WaitPolled),
        2 => door.prop_map(|at| Signal::CallerAsks { at }),
        1 => Just(Signal::Overridden),
        1 => Just(Signal::CallerGone),
        2 => Just(Signal::Woken),
        1 => Just(Signal::PhonesFreed),
        1 => Just(Signal::FetchBegins),
        1 => any::<bool>().prop_map(|connected| Signal::CallerChecked { connected }),
        2 => (1..4_u32, prop_oneof![Just(Some('1')), Just(None)]).prop_map(|(leg, key)| Signal::LegPressed { leg, key }),
        1 => (1..4_u32).prop_map(|leg| Signal::RoomStarted { leg }),
        1 => (1..3_u32, any::<bool>()).prop_map(|(attempt, bridged)| Signal::LineEnded { attempt, bridged }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_supervisors_call_rings_nobody_and_turns_one_switch(
        method in prop_oneof![Just(RingMethod::Legs), Just(RingMethod::Dial)],
        declared in any::<bool>(),
        overridden in any::<bool>(),
        life in proptest::collection::vec((0..9_000_i64, signals()), 1..50),
    ) {
        let mut desk = Desk::new(method);
        desk.brand.flood_until = declared.then(|| desk.now + TimeDelta::hours(1));
        desk.brand.overridden_until = overridden.then(|| desk.now + TimeDelta::hours(1));
        desk.take(&Signal::Arrived);
        desk.brand = BrandFacts::default();
        let mut turned = 0;
        for (pause, signal) in life {
            desk.now += TimeDelta::milliseconds(pause);
            let before = desk.call.clone();
            let decision = desk.take(&signal);
            turned += decision.switches.len();
            let was_known = before.codes.supervisor.is_some();
            if was_known {
                prop_assert!(matches!(desk.call.stage, Stage::Supervisor | Stage::Ended));
                prop_assert_eq!(before.legs.len(), desk.call.legs.len());
            }
            // A switch is turned by a supervisor who is known, on a call that lives.
            prop_assert!(decision.switches.is_empty() || (was_known && !before.has_ended()));
            prop_assert!(desk.call.codes.spent_ms <= CODE_TIME.num_milliseconds());
            prop_assert!(desk.call.codes.tries <= 4 && desk.call.codes.asked <= 3);
            let latest = desk.call.arrived_at + TimeDelta::seconds(112);
            prop_assert!(desk.call.deadline_at.is_none_or(|at| at <= latest));
            // Nobody is forgotten: a call that lives is looked at some time.
            prop_assert!(desk.call.has_ended() || desk.call.caller_left_at.is_some() || desk.call.wake_at().is_some());
        }
        prop_assert!(turned <= 1);
        let said = serde_json::to_string(&desk.call).unwrap();
        prop_assert_eq!(serde_json::from_str::<Call>(&said).unwrap(), desk.call);
    }
}
