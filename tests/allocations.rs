//! What the hot path may not do: allocate for agents who cannot ring. A binary of its own, since it counts by an
//! allocator of its own.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on ends; clippy.toml knows tests only by their attribute"
)]

use allocation_counter::measure;
use chrono::{DateTime, TimeDelta, Utc, Weekday};
use offhook::ids::{AgentId, BrandId, CallId, IntentId};
use offhook::rules::{Agent, DestinationPolicy, Interval, Rules, file};
use offhook::shortlist::facts::{AgentFacts, Asked, LiveLeg, Presence, WaitingCall};
use offhook::shortlist::{Earlier, InForce, Question, take_shortlist};

/// Agents who may ring, whatever the size of the roster.
const ELIGIBLE: usize = 5;

const ROUTING: &str = r#"
[[brand]]
id = "acme"
name = "Acme"
inbox = "Acme"
time_zone = "America/New_York"
roster = ["one"]
[[brand.intent]]
id = "moving"
name = "Moving"
skill = "removals"
[[number]]
number = "+15550200000"
brand = "acme"
intent = "moving"
[[agent]]
id = "one"
name = "One"
email = "one@example.com"
phone = "+15550100000"
phone_verified = true
time_zone = "America/New_York"
skills = ["removals"]
[agent.shift]
wed = ["09:00-17:00"]
"#;

/// Every way not to be eligible; one of them a further offer of the same call.
const WAYS: usize = 11;

fn noon() -> DateTime<Utc> {
    "2026-11-25T12:00:00-05:00".parse().unwrap()
}

/// So many agents, of whom the first few are eligible and the others are kept away in every way there is.
fn company(agents: usize) -> (Rules, Vec<AgentFacts>) {
    let mut rules = file::parse("rules.toml", ROUTING).unwrap();
    let one = rules.agents.remove(0);
    let (mut facts, mut roster) = (Vec::new(), Vec::new());
    for number in 0..agents {
        let id = AgentId::new(&format!("agent-{number:05}"));
        let phone = format!("+155501{number:05}").parse().unwrap();
        let ready = Agent { id: id.clone(), phone, ..one.clone() };
        let known =
            AgentFacts { presence: Presence::Online, presence_at: Some(noon()), ..AgentFacts::unknown(id.clone()) };
        let way = if number < ELIGIBLE { None } else { Some(number % WAYS) };
        rules.agents.push(keep_away_by_rules(ready, way));
        facts.push(keep_away_by_facts(known, way));
        roster.push(id);
    }
    rules.brands[0].roster = roster;
    // The index is made once for a version, and verdicts on phones once for a policy.
    rules.warm_up();
    (rules, facts)
}

fn keep_away_by_rules(mut agent: Agent, way: Option<usize>) -> Agent {
    match way {
        Some(0) => agent.phone_verified = false,
        Some(1) => agent.phone = "+441632960001".parse().unwrap(),
        Some(2) => agent.skills = vec!["storage".to_owned()],
        Some(3) => {
            agent.shift.as_mut().unwrap().intervals = vec![Interval::parse(Weekday::Thu, "09:00-17:00").unwrap()];
        }
        _ => {}
    }
    agent
}

fn keep_away_by_facts(mut facts: AgentFacts, way: Option<usize>) -> AgentFacts {
    let soon = Some(noon() + TimeDelta::seconds(9));
    let leg = |talking| Some(LiveLeg { call: CallId(uuid::Uuid::nil()), since: noon(), talking });
    match way {
        Some(4) => facts.presence = Presence::Busy,
        Some(5) => facts.live_leg = leg(true),
        Some(6) => facts.live_leg = leg(false),
        Some(7) => facts.rests_until = soon,
        Some(8) => facts.paused_until = soon,
        Some(9) => {
            let number: u32 = facts.agent.as_str().trim_start_matches("agent-").parse().unwrap();
            facts.refused_phone = Some(format!("+155501{number:05}").parse().unwrap());
        }
        _ => {}
    }
    facts
}

/// So many calls that want the same phones; each has asked some, and half ring somebody.
fn rivals(calls: usize) -> Vec<WaitingCall> {
    let agent = |number: usize| AgentId::new(&format!("agent-{number:05}"));
    let rival = |number: usize| WaitingCall {
        call: CallId(uuid::Uuid::from_u128(u128::try_from(number).unwrap() + 1)),
        brand: BrandId::new("acme"),
        intent: Some(IntentId::new("moving")),
        arrived_at: noon(),
        asked: Asked {
            agents: vec![agent(ELIGIBLE - 1 - number % ELIGIBLE), agent(WAYS * (number + 1) + 6)],
            ringing: if number % 2 == 1 { vec![agent(WAYS * (number + 1) + 6)] } else { Vec::new() },
            first_offered_at: Some(noon()),
            closes_at: None,
        },
    };
    (0..calls).map(rival).collect()
}

/// How often memory was asked for to take one shortlist, and for how many bytes.
fn count(agents: usize, is_published_since: bool, are_facts_in_order: bool, rivals: &[WaitingCall]) -> (u64, u64) {
    let (rules, mut facts) = company(agents);
    let since = rules.clone();
    since.warm_up();
    if !are_facts_in_order {
        facts.reverse();
    }
    let offered: Vec<bool> = (0..agents).map(|number| number >= ELIGIBLE && number % WAYS == WAYS - 1).collect();
    let destinations = DestinationPolicy::new(["US"], [], []);
    let question = Question {
        rules: &rules,
        rules_version: 1,
        in_force: is_published_since.then_some(InForce { version: 2, rules: &since }),
        destinations: &destinations,
        brand: &rules.brands[0],
        intent: rules.brands[0].intents.first(),
        facts: &facts,
        arrived_at: noon(),
        at: noon(),
        width: 2,
        ringing: 0,
        call: None,
        waiting: rivals,
    };
    let earlier = |agent: &AgentId| {
        let number: usize = agent.as_str().rsplit('-').next().unwrap().parse().unwrap();
        if offered[number] { Earlier::Offered } else { Earlier::Nothing }
    };
    let warm = take_shortlist(&question, earlier);
    assert_eq!(warm.ring.len() + warm.later.len(), ELIGIBLE);
    // Among others who hold nothing, one of the five may be all there is.
    assert!(if rivals.is_empty() { warm.ring.len() == 2 } else { (1..=2).contains(&warm.ring.len()) });
    assert_eq!(warm.record.agents.iter().any(|listed| listed.is_left), !rivals.is_empty());
    assert_eq!(warm.record.count(), agents);
    let mut list = None;
    let counted = measure(|| list = Some(take_shortlist(&question, earlier)));
    assert_eq!(list.unwrap(), warm);
    (counted.count_total, counted.bytes_total)
}

#[test]
fn an_agent_who_may_not_ring_costs_no_allocation() {
    let (few, few_bytes) = count(1_000, false, true, &[]);
    let (many, many_bytes) = count(10_000, false, true, &[]);
    println!("a shortlist of 1,000: {few} allocations, {few_bytes} bytes; of 10,000: {many}, {many_bytes} bytes");
    assert_eq!((few, few_bytes), (many, many_bytes));
    assert!(many <= 20, "{many} allocations for {ELIGIBLE} who may ring");
}

#[test]
fn nor_does_one_under_rules_published_since_or_facts_in_another_order() {
    for (is_published_since, are_facts_in_order) in [(true, true), (false, false), (true, false)] {
        let few = count(1_000, is_published_since, are_facts_in_order, &[]);
        let many = count(10_000, is_published_since, are_facts_in_order, &[]);
        println!("published since: {is_published_since}, in order: {are_facts_in_order}: {few:?} and {many:?}");
        // Tables of the roster are larger then, and as many.
        assert_eq!(few.0, many.0);
    }
}

#[test]
fn nor_does_one_while_others_wait_who_cost_a_few_each() {
    let mut before = 0;
    for calls in [1, 10, 100] {
        let rivals = rivals(calls);
        let (few, few_bytes) = count(1_000 + 2 * WAYS * calls, false, true, &rivals);
        let (many, many_bytes) = count(10_000, false, true, &rivals);
        println!("beside {calls} waiting calls: {many} allocations, {many_bytes} bytes");
        assert_eq!((few, few_bytes), (many, many_bytes));
        assert!(many <= 30 + before, "{many} allocations beside {calls} waiting calls");
        before = many;
    }
}
