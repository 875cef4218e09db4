use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Behaviour, Heard, Outcome, Scenario, Simulation, What, simulate};
use crate::call::event::Ending;
use crate::call::state::NewCall;
use crate::call::{BrandFacts, CallerFacts, CarrierFacts};
use crate::ids::{AgentId, CallId, CarrierRef};
use crate::phone_number::{Caller, parse_phone_number};
use crate::rules::{self, DestinationPolicy, DialStopsAt, RingMethod, Rules};
use crate::shortlist::facts::{AgentFacts, LoadedFacts};

fn example() -> Rules {
    rules::file::parse("routing.toml", include_str!("../../examples/routing.toml")).unwrap()
}

/// A Tuesday, 11:00 in New York.
fn tuesday() -> DateTime<Utc> {
    "2026-11-24T16:00:00Z".parse().unwrap()
}

struct Played<'a> {
    rules: &'a Rules,
    at: DateTime<Utc>,
    keys: &'a [Option<char>],
    agents: HashMap<AgentId, Behaviour>,
    method: RingMethod,
    leaves_after: Option<TimeDelta>,
}

impl<'a> Played<'a> {
    fn new(rules: &'a Rules) -> Self {
        let (keys, agents) = (&[][..], HashMap::new());
        Self { rules, at: tuesday(), keys, agents, method: RingMethod::Legs, leaves_after: None }
    }

    fn play(&self) -> Simulation {
        let brand = &self.rules.brands[0];
        let number = self.rules.numbers.iter().find(|number| number.brand == brand.id).unwrap();
        let facts = brand.roster.iter().map(|agent| AgentFacts::unknown(agent.clone())).collect();
        simulate(&Scenario {
            rules: self.rules,
            destinations: &DestinationPolicy::new(["US", "GB"], [], []),
            call: NewCall {
                id: CallId(uuid::Uuid::from_u128(1)),
                brand: brand.id.clone(),
                number: number.number.clone(),
                caller: Caller::Known(parse_phone_number("+15550100001").unwrap()),
                caller_name: None,
                caller_ref: CarrierRef::new("CA1"),
                rules_version: 1,
                at: self.at,
            },
            caller: CallerFacts::default(),
            carrier: CarrierFacts {
                rest_is_up: true,
                method: self.method,
                dial_stops_at: DialStopsAt::Accept,
                pace: TimeDelta::milliseconds(20),
                legs_live_max: 50,
                legs_per_minute_max: 600,
            },
            brand: BrandFacts::default(),
            loaded: LoadedFacts { agents: facts, ..LoadedFacts::none() },
            others: &HashMap::new(),
            keys: self.keys,
            presses: super::Presses::AsAsked,
            agents: &self.agents,
            leaves_after: self.leaves_after,
        })
    }
}

fn words(simulation: &Simulation) -> Vec<&str> {
    simulation
        .steps
        .iter()
        .filter_map(|step| match &step.what {
            What::Hears(Heard::Words(words)) => Some(words.as_str()),
            _ => None,
        })
        .collect()
}

fn rung(simulation: &Simulation) -> usize {
    simulation.steps.iter().filter(|step| matches!(step.what, What::Rings(_))).count()
}

#[test]
fn when_nobody_answers_every_phone_rings_and_the_caller_comes_to_the_recorder_in_time() {
    let rules = example();
    for method in [RingMethod::Legs, RingMethod::Dial] {
        let simulation = Played { method, ..Played::new(&rules) }.play();
        assert_eq!(simulation.outcome, Outcome::Recorder, "{method:?}: {:#?}", simulation.steps);
        let roster = rules.brands[0].roster.len();
        assert!(rung(&simulation) >= roster, "{method:?}: {:#?}", simulation.steps);
        assert_eq!(simulation.steps.last().unwrap().what, What::Hears(Heard::Tone));
        let waited = simulation.steps.last().unwrap().after;
        assert!(waited < TimeDelta::seconds(60), "{method:?}: {waited}");
        assert_eq!(simulation.explanation.agents.len(), roster);
    }
}

#[test]
fn whoever_accepts_meets_the_caller_and_the_others_stop() {
    let rules = example();
    let agents: Vec<AgentId> = rules.brands[0].roster.clone();
    for method in [RingMethod::Legs, RingMethod::Dial] {
        let mut played = Played { method, ..Played::new(&rules) };
        played.agents.insert(agents[0].clone(), Behaviour::Declines(TimeDelta::seconds(1)));
        played.agents.insert(agents[1].clone(), Behaviour::Accepts(TimeDelta::seconds(6)));
        played.agents.insert(agents[2].clone(), Behaviour::Accepts(TimeDelta::seconds(9)));
        let simulation = played.play();
        assert_eq!(simulation.outcome, Outcome::Answered(agents[1].clone()), "{:#?}", simulation.steps);
        assert_eq!(simulation.steps.last().unwrap().what, What::Meets(agents[1].clone()));
        let waited = simulation.steps.last().unwrap().after;
        assert!(waited >= TimeDelta::seconds(11) && waited < TimeDelta::seconds(14), "{method:?}: {waited}");
    }
}

#[test]
fn a_closed_brand_rings_nobody() {
    let rules = example();
    let sunday_night = "2026-11-29T08:00:00Z".parse().unwrap();
    let simulation = Played { at: sunday_night, ..Played::new(&rules) }.play();
    assert_eq!((rung(&simulation), simulation.call.closure.is_some()), (0, true), "{:#?}", simulation.steps);
    assert!(!words(&simulation).is_empty());
}

#[test]
fn a_caller_who_leaves_leaves_no_phone_ringing() {
    let rules = example();
    let simulation = Played { leaves_after: Some(TimeDelta::seconds(7)), ..Played::new(&rules) }.play();
    assert_eq!(simulation.outcome, Outcome::Ended(Ending::Abandoned));
    assert!(simulation.call.open_legs().next().is_none());
}
