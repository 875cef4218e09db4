use chrono::{DateTime, Utc};
use proptest::prelude::*;

use super::facts::{AgentFacts, LiveLeg, WaitingCall};
use super::{Earlier, Question, Shortlist, take_shortlist};
use crate::ids::{BrandId, CallId, IntentId};
use crate::rules::{self, Brand, DestinationPolicy, Rules};

/// Acme has everybody, Bolt the last two, Cargo one of its own; those with an even number can move things.
fn write_rules(agents: usize) -> Rules {
    let ids =
        |range: std::ops::Range<usize>| range.map(|number| format!("\"a{number}\"")).collect::<Vec<_>>().join(",");
    let brand = |id: &str, number: u32, roster: &str, more: &str| {
        format!(
            "[[brand]]\nid = \"{id}\"\nname = \"{id}\"\ninbox = \"{id}\"\ntime_zone = \"Europe/London\"\nroster = [{roster}]\n{more}\n\
             [[number]]\nnumber = \"+1555010000{number}\"\nbrand = \"{id}\"\n"
        )
    };
    let intents = "[[brand.intent]]\nid = \"sales\"\nname = \"Sales\"\n[[brand.intent]]\nid = \"moves\"\nname = \"Moves\"\nskill = \"moves\"\n";
    let mut text = brand("acme", 1, &ids(0..agents), intents)
        + &brand("bolt", 2, &ids(agents.saturating_sub(2)..agents), "")
        + &brand("cargo", 3, "\"lone\"", "");
    let mut agent = |id: &str, number: usize, skills: &str| {
        text.push_str(&format!(
            "[[agent]]\nid = \"{id}\"\nname = \"{id}\"\nemail = \"{id}@example.com\"\nphone = \"+155501001{number:02}\"\nphone_verified = true\nskills = [{skills}]\n"
        ));
    };
    for number in 0..agents {
        agent(&format!("a{number}"), number, if number % 2 == 0 { "\"moves\"" } else { "" });
    }
    agent("lone", 99, "");
    rules::file::parse("rules.toml", &text).unwrap()
}

fn noon() -> DateTime<Utc> {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

fn call(number: usize) -> CallId {
    CallId(uuid::Uuid::from_u128(u128::try_from(number).unwrap() + 1))
}

fn waiting(number: usize, brand: &str, intent: Option<&str>) -> WaitingCall {
    WaitingCall { call: call(number), brand: BrandId::new(brand), intent: intent.map(IntentId::new) }
}

/// Agents and the calls that want them.
struct Floor {
    rules: Rules,
    facts: Vec<AgentFacts>,
    waiting: Vec<WaitingCall>,
}

impl Floor {
    fn new(agents: usize, waiting: Vec<WaitingCall>) -> Self {
        let rules = write_rules(agents);
        let facts = rules.agents.iter().map(|agent| AgentFacts::unknown(agent.id.clone())).collect();
        Self { rules, facts, waiting }
    }

    fn held(&self, call: CallId) -> usize {
        self.facts.iter().filter(|facts| facts.live_leg.is_some_and(|leg| leg.call == call && !leg.talking)).count()
    }

    fn brand(&self, id: &BrandId) -> &Brand {
        self.rules.brand(id).unwrap()
    }

    fn take(&self, number: usize) -> Shortlist {
        let asks = &self.waiting[number];
        let brand = self.brand(&asks.brand);
        let ids = &brand.roster;
        let facts: Vec<AgentFacts> = self.facts.iter().filter(|facts| ids.contains(&facts.agent)).cloned().collect();
        let question = Question {
            rules: &self.rules,
            rules_version: 1,
            in_force: None,
            destinations: &DestinationPolicy::new(["US"], [], []),
            brand,
            intent: asks.intent.as_ref().and_then(|id| brand.intents.iter().find(|intent| intent.id == *id)),
            facts: &facts,
            arrived_at: noon(),
            at: noon(),
            width: u32::MAX,
            ringing: u32::try_from(self.held(asks.call)).unwrap(),
            call: Some(asks.call),
            waiting: &self.waiting,
        };
        take_shortlist(&question, |_| Earlier::Nothing)
    }

    /// Offers the call what its shortlist says; how many phones.
    fn offer(&mut self, number: usize) -> usize {
        let shortlist = self.take(number);
        for agent in &shortlist.ring {
            let facts = self.facts.iter_mut().find(|facts| facts.agent == *agent).unwrap();
            assert_eq!(facts.live_leg, None);
            facts.live_leg = Some(LiveLeg { call: self.waiting[number].call, since: noon(), talking: false });
        }
        shortlist.ring.len()
    }
}

fn acme(calls: usize) -> Vec<WaitingCall> {
    (0..calls).map(|number| waiting(number, "acme", None)).collect()
}

#[test]
fn a_call_that_waits_alone_is_offered_every_phone() {
    let floor = Floor::new(5, acme(1));
    let shortlist = floor.take(0);
    assert_eq!((shortlist.ring.len(), shortlist.record.left_to_others, shortlist.record.width), (5, 0, None));
}

#[test]
fn two_calls_have_half_of_the_phones_each_and_the_record_says_so() {
    let mut floor = Floor::new(5, acme(2));
    let first = floor.take(0);
    assert_eq!((first.ring.len(), first.later.len()), (3, 2));
    assert_eq!((first.record.left_to_others, first.record.width), (2, Some(3)));
    let said = first.record.explain(&first.later[0], "Priya", chrono_tz::Tz::UTC);
    assert!(said.contains("2 phones were left to other callers"), "{said}");
    assert_eq!((floor.offer(0), floor.offer(1), floor.offer(0)), (3, 2, 0));
}

#[test]
fn a_call_that_has_every_phone_keeps_them_and_what_comes_free_goes_to_the_poorer_one() {
    let mut floor = Floor::new(4, acme(1));
    floor.offer(0);
    floor.waiting = acme(2);
    floor.facts[1].live_leg = None;
    floor.facts[2].live_leg = None;
    assert_eq!((floor.offer(0), floor.offer(1)), (0, 2));
}

#[test]
fn calls_that_could_not_be_offered_these_phones_take_no_share() {
    // Another brand's roster, and a skill that only others have.
    let lone = Floor::new(4, vec![waiting(0, "acme", None), waiting(1, "cargo", None), waiting(2, "gone", None)]);
    assert_eq!(lone.take(0).ring.len(), 4);
    let mut skilled = Floor::new(4, vec![waiting(0, "acme", None), waiting(1, "acme", Some("moves"))]);
    for even in [0, 2] {
        skilled.facts[even].live_leg = Some(LiveLeg { call: call(9), since: noon(), talking: true });
    }
    assert_eq!(skilled.take(0).ring.len(), 2);
}

#[test]
fn phones_that_only_one_call_can_use_are_not_left_to_others() {
    // Two of six are Bolt's as well: of those Acme leaves one.
    let mut floor = Floor::new(6, vec![waiting(0, "acme", None), waiting(1, "bolt", None)]);
    assert_eq!((floor.take(0).ring.len(), floor.take(1).ring.len()), (5, 1));
    // Three of six can move things: the caller about a move has two of them at most, the other the rest.
    floor.waiting = vec![waiting(0, "acme", Some("moves")), waiting(1, "acme", Some("sales"))];
    assert_eq!((floor.offer(0), floor.offer(1)), (2, 4));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    /// Whoever waits, whatever was rung before and whichever phones came free: when all have looked, every phone rings and
    /// nobody could have one more without having more than an even share.
    #[test]
    fn phones_are_split_evenly(agents in 1_usize..12, calls in 1_usize..7, begun in prop::collection::vec(0_usize..8, 12)) {
        let mut floor = Floor::new(agents, acme(calls));
        // Some ring already, as earlier shares were; a number beyond the calls leaves the phone free.
        for (facts, begun) in floor.facts.iter_mut().zip(&begun).take(agents) {
            facts.live_leg = (*begun < calls).then(|| LiveLeg { call: call(*begun), since: noon(), talking: false });
        }
        let before: Vec<usize> = (0..calls).map(|number| floor.held(call(number))).collect();
        let free = agents - before.iter().sum::<usize>();
        let offered: Vec<usize> = (0..calls).map(|number| floor.offer(number)).collect();
        let even = agents / calls;
        for number in 0..calls {
            let now = floor.held(call(number));
            prop_assert_eq!(now, before[number] + offered[number], "nothing is taken back");
            prop_assert!(offered[number] == 0 || now <= even + 1, "more than an even share: {} of {}", now, agents);
        }
        prop_assert_eq!(offered.iter().sum::<usize>(), free, "a phone is left over");
        if before.iter().all(|held| *held <= even) {
            let most = (0..calls).map(|number| floor.held(call(number))).max().unwrap();
            let least = (0..calls).map(|number| floor.held(call(number))).min().unwrap();
            prop_assert!(most - least <= 1, "{} and {}", most, least);
        }
    }
}
