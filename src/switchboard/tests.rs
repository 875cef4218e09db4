//! What the switchboard asks of other brands, how long it remembers, and when it stirs.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::circuit::Circuit;
use super::rulebook::Rulebook;
use super::{AccountLimits, Listener, Switchboard};
use crate::call::effect::Effect;
use crate::call::mark::AgentMark;
use crate::call::signal::Signal;
use crate::call::state::{Call, NewCall};
use crate::call::{BrandFacts, CallerFacts, Facts};
use crate::clock::{Clock, ManualClock};
use crate::ids::{AgentId, BrandId, CallId, CarrierRef};
use crate::phone_number::Caller;
use crate::rules::{DestinationPolicy, DialStopsAt, RingMethod};
use crate::shortlist::InForce;
use crate::store::model::ModelStore;
use crate::store::{Publishing, Store};

/// Three brands: Acme has everybody, Harbour Ana, Ben and Cyd, and Quay Dan and Eve alone.
const RULES: &str = r#"
[pausing]
after_misses = 1
[[brand]]
id = "acme"
name = "Acme"
inbox = "Acme"
time_zone = "Europe/London"
roster = ["ana", "ben", "cyd", "dan", "eve"]
[[brand]]
id = "harbour"
name = "Harbour"
inbox = "Harbour"
time_zone = "Europe/London"
roster = ["ana", "ben", "cyd"]
[[brand]]
id = "quay"
name = "Quay"
inbox = "Quay"
time_zone = "Europe/London"
roster = ["dan", "eve"]
[[number]]
number = "+15550100002"
brand = "acme"
"#;

const AGENTS: [&str; 5] = ["ana", "ben", "cyd", "dan", "eve"];

fn rules() -> String {
    let agents = AGENTS.iter().enumerate().map(|(place, id)| {
        format!(
            "[[agent]]\nid = \"{id}\"\nname = \"{id}\"\nemail = \"{id}@example.com\"\nphone = \"+1555010001{place}\"\nphone_verified = true\n"
        )
    });
    std::iter::once(RULES.to_owned()).chain(agents).collect()
}

struct Rig {
    store: Arc<ModelStore>,
    clock: ManualClock,
    switchboard: Switchboard,
}

impl Rig {
    async fn new() -> Self {
        let clock = ManualClock::new("2026-11-24T16:00:00Z".parse().unwrap());
        let store = Arc::new(ModelStore::new());
        store.publish_rules(&rules(), "Sam Carter", clock.now()).await.unwrap();
        let shared: Arc<dyn Store> = store.clone();
        let time: Arc<dyn Clock> = Arc::new(clock.clone());
        let limits = AccountLimits {
            method: RingMethod::Legs,
            dial_stops_at: DialStopsAt::Unknown,
            pace: TimeDelta::milliseconds(20),
            legs_live_max: 50,
            legs_per_minute_max: 120,
        };
        let switchboard = Switchboard::new(
            Arc::clone(&shared),
            Arc::clone(&time),
            Arc::new(Rulebook::new(shared, time)),
            Arc::new(DestinationPolicy::new(["US"], [], [])),
            limits,
            Arc::new(Circuit::default()),
        );
        Self { store, clock, switchboard }
    }

    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Every phone of Acme rings for a caller.
    async fn ring(&self) -> Call {
        let new = NewCall {
            id: CallId(uuid::Uuid::from_u128(1)),
            brand: BrandId::new("acme"),
            number: "+15550100002".parse().unwrap(),
            caller: Caller::Known("+15550100099".parse().unwrap()),
            caller_name: None,
            caller_ref: CarrierRef::new("CA1"),
            rules_version: 1,
            at: self.now(),
        };
        let listener = Listener { key: None, write: &|_, _, _| String::new() };
        let mut call = self.switchboard.arrive(new, listener).await.unwrap().call;
        for leg in 1..=5 {
            let rings = Signal::LegRings { leg, carrier_ref: Some(CarrierRef::new(&format!("CL{leg}"))) };
            call = self.switchboard.take_note(call.id, &rings).await.unwrap().call;
        }
        call
    }
}

/// Whom each pause of a decision relies on.
fn pauses(marks: &[AgentMark]) -> Vec<(&str, Vec<&str>)> {
    let pauses = marks.iter().filter_map(|mark| match mark {
        AgentMark::Paused { agent, stay, .. } => {
            let mut stay: Vec<&str> = stay.iter().map(AgentId::as_str).collect();
            stay.sort_unstable();
            Some((agent.as_str(), stay))
        }
        _ => None,
    });
    pauses.collect()
}

#[actix_web::test]
async fn calls_that_ask_for_one_version_at_once_share_one_reading_of_it() {
    let rig = Rig::new().await;
    let book = rig.switchboard.rulebook();
    let newest = async { book.load_current().await.map(|found| found.map(|(_, rules)| rules)) };
    let (calls, newest) = futures_util::join!(futures_util::future::join_all((0..20).map(|_| book.load(1))), newest);
    let newest = newest.unwrap().unwrap();
    for rules in calls {
        assert!(Arc::ptr_eq(&rules.unwrap().unwrap(), &newest), "the body was read more than once");
    }
}

#[actix_web::test]
async fn a_pause_relies_on_those_of_every_brand_that_shares_the_agent_and_names_the_brand_that_needs_one() {
    let rig = Rig::new().await;
    let call = rig.ring().await;
    // Nobody takes it.
    rig.clock.set(call.deadline_at.unwrap());
    let rules = rig.switchboard.rulebook().load(1).await.unwrap().unwrap();
    let in_force = Some(InForce { version: 1, rules: &rules });
    let facts = Facts {
        at: rig.now(),
        loaded: rig.store.load_facts_sync(&BrandId::new("acme"), &rules.brands[0].roster, rig.now()).unwrap(),
        caller: CallerFacts::default(),
        carrier: rig.switchboard.carrier_facts(),
        brand: BrandFacts::default(),
        destinations: rig.switchboard.destinations(),
        in_force,
        needed: &[],
    };
    let decision = rig.switchboard.decide_sparing(&call, &rules, &facts, &Signal::Woken).await.unwrap();
    // Acme keeps two; Harbour keeps Ben and Cyd, and so does the pause of Ana; Quay has nobody to spare.
    assert_eq!(pauses(&decision.marks), [("ana", vec!["ben", "cyd"])]);
    let spared: Vec<(&str, Option<&str>)> = decision
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::NoteSpared { agent, brand, .. } => Some((agent.as_str(), brand.as_ref().map(BrandId::as_str))),
            _ => None,
        })
        .collect();
    assert_eq!(
        spared,
        [("ben", Some("harbour")), ("cyd", Some("harbour")), ("dan", Some("quay")), ("eve", Some("quay"))]
    );
}

fn is_cancelled(call: &Call, agent: &str) -> bool {
    call.legs.iter().any(|leg| leg.agent.as_str() == agent && leg.end.is_some())
}

#[actix_web::test]
async fn a_phone_whose_agent_went_off_is_stopped_though_the_store_failed_at_that_moment() {
    let rig = Rig::new().await;
    let call = rig.ring().await;
    rig.store.set_unavailable(true);
    assert!(rig.switchboard.withdraw_agent(&AgentId::new("ana")).await.is_err());
    rig.store.set_unavailable(false);
    rig.clock.set(rig.now() + TimeDelta::seconds(1));
    rig.switchboard.wake_due_calls().await.unwrap();
    let call = rig.store.find_call(call.id).await.unwrap().unwrap();
    assert!(is_cancelled(&call, "ana") && !is_cancelled(&call, "ben"));
}

#[actix_web::test]
async fn an_offer_that_is_saved_just_after_the_agent_went_off_is_stopped_and_one_after_they_came_back_is_not() {
    for (comes_back, is_stopped) in [(false, true), (true, false)] {
        let rig = Rig::new().await;
        // Nothing rings yet when the calls are looked for.
        rig.switchboard.withdraw_agent(&AgentId::new("ana")).await.unwrap();
        if comes_back {
            rig.switchboard.readmit_agent(&AgentId::new("ana"));
        }
        let call = rig.ring().await;
        rig.clock.set(rig.now() + TimeDelta::seconds(1));
        rig.switchboard.wake_due_calls().await.unwrap();
        let call = rig.store.find_call(call.id).await.unwrap().unwrap();
        assert_eq!(is_cancelled(&call, "ana"), is_stopped);
        // It is over after a while: whoever is offered a call then is not kept from it.
        rig.clock.set(rig.now() + TimeDelta::minutes(1));
        rig.switchboard.wake_due_calls().await.unwrap();
        assert!(rig.switchboard.withdrawals.due().is_empty());
    }
}

#[actix_web::test]
async fn waiting_calls_are_looked_at_as_soon_as_other_rules_are_in_force() {
    let rig = Rig::new().await;
    let stirred = async |within_ms| {
        let stirred = rig.switchboard.calls_stirred.notified();
        tokio::time::timeout(Duration::from_millis(within_ms), stirred).await.is_ok()
    };
    rig.switchboard.rulebook().refresh().await.unwrap();
    assert!(!stirred(20).await, "the first rules change nothing");
    rig.store.publish_rules(&rules(), "Sam Carter", rig.now()).await.unwrap();
    rig.switchboard.rulebook().refresh().await.unwrap();
    assert!(stirred(1_000).await, "whoever was removed rings on");
    rig.switchboard.rulebook().refresh().await.unwrap();
    assert!(!stirred(20).await, "nothing has changed");
}
