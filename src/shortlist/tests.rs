use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use super::facts::{AgentFacts, LiveLeg, Presence};
use super::{
    Earlier, Miss, NotEligible, PRESENCE_HOLDS, Place, Question, Shortlist, Standing, judge_miss, sort_by_turn,
    take_shortlist,
};
use crate::ids::{AgentId, CallId};
use crate::rules::{self, Brand, DestinationPolicy, Rules};

fn noon() -> DateTime<Utc> {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

/// A brand whose agents are `a0`, `a1` and so on; the last line is added to every agent.
fn write_rules(agents: usize, more: &str) -> Rules {
    let ids: Vec<String> = (0..agents).map(|number| format!("\"a{number}\"")).collect();
    let mut text = format!(
        "[[brand]]\nid = \"acme\"\nname = \"Acme\"\ninbox = \"Acme\"\ntime_zone = \"Europe/London\"\nroster = [{}]\n[[number]]\nnumber = \"+15550100002\"\nbrand = \"acme\"\n",
        ids.join(",")
    );
    for number in 0..agents {
        text.push_str(&format!(
            "[[agent]]\nid = \"a{number}\"\nname = \"A {number}\"\nemail = \"a{number}@example.com\"\nphone = \"+155501001{number:02}\"\n{more}\n"
        ));
    }
    rules::file::parse("rules.toml", &text).unwrap()
}

fn facts_of(rules: &Rules) -> Vec<AgentFacts> {
    rules.agents.iter().map(|agent| AgentFacts::unknown(agent.id.clone())).collect()
}

fn take(rules: &Rules, facts: &[AgentFacts], at: DateTime<Utc>, width: u32, ringing: u32) -> Shortlist {
    take_with(rules, facts, at, width, ringing, &DestinationPolicy::new(["US"], [], []), |_| Earlier::Nothing)
}

fn take_with(
    rules: &Rules,
    facts: &[AgentFacts],
    at: DateTime<Utc>,
    width: u32,
    ringing: u32,
    destinations: &DestinationPolicy,
    earlier: impl Fn(&AgentId) -> Earlier,
) -> Shortlist {
    let brand = &rules.brands[0];
    take_shortlist(&question(rules, facts, destinations, brand, at, width, ringing), earlier)
}

fn question<'a>(
    rules: &'a Rules,
    facts: &'a [AgentFacts],
    destinations: &'a DestinationPolicy,
    brand: &'a Brand,
    at: DateTime<Utc>,
    width: u32,
    ringing: u32,
) -> Question<'a> {
    Question {
        rules,
        rules_version: 1,
        in_force: None,
        destinations,
        brand,
        intent: None,
        facts,
        arrived_at: at,
        at,
        width,
        ringing,
        call: None,
        waiting: &[],
    }
}

fn held(talking: bool) -> Option<LiveLeg> {
    Some(LiveLeg { call: CallId(uuid::Uuid::nil()), since: noon(), talking })
}

#[test]
fn the_first_reason_of_the_closed_list_is_given() {
    let good = write_rules(1, "phone_verified = true");
    let off_shift =
        write_rules(1, "phone_verified = true\ntime_zone = \"Europe/London\"\nshift = { sun = [\"01:00-02:00\"] }");
    let worst_rules =
        write_rules(1, "phone_verified = false\ntime_zone = \"Europe/London\"\nshift = { sun = [\"01:00-02:00\"] }");
    let at = noon();
    let worst = AgentFacts {
        presence: Presence::Busy,
        presence_at: Some(at),
        live_leg: held(true),
        rests_until: Some(at + TimeDelta::seconds(1)),
        paused_until: Some(at + TimeDelta::seconds(1)),
        refused_phone: Some("+15550100100".parse().unwrap()),
        ..AgentFacts::unknown(AgentId::new("a0"))
    };
    // Each line mends the first reason of the line before.
    let reachable = AgentFacts { refused_phone: Some("+15550100101".parse().unwrap()), ..worst.clone() };
    let online = AgentFacts { presence: Presence::Online, ..reachable.clone() };
    let ringing = AgentFacts { live_leg: held(false), ..online.clone() };
    let free = AgentFacts { live_leg: None, ..online.clone() };
    let rested = AgentFacts { rests_until: None, ..free.clone() };
    let table = [
        (&worst_rules, &worst, NotEligible::NoPhone),
        (&worst_rules, &reachable, NotEligible::PhoneUnverified),
        (&off_shift, &reachable, NotEligible::Unavailable),
        (&off_shift, &online, NotEligible::OffShift),
        (&good, &online, NotEligible::OnCall),
        (&good, &ringing, NotEligible::RingingOtherCall),
        (&good, &free, NotEligible::Cooldown),
        (&good, &rested, NotEligible::Paused),
    ];
    let mut reasons = Vec::new();
    for (rules, facts, expected) in table {
        let list = take(rules, std::slice::from_ref(facts), at, 10, 0);
        assert_eq!(list.record.agents[0].place, Place::No { reason: expected });
        assert!(list.ring.is_empty());
        assert!(!list.is_hopeful, "whoever is put aside besides does not come free");
        let alone = AgentFacts { paused_until: None, ..facts.clone() };
        let hopeful = expected.is_passing();
        assert_eq!(take(rules, &[alone], at, 10, 0).is_hopeful, hopeful, "{expected:?}");
        reasons.push(expected);
    }
    assert!(reasons.is_sorted(), "the list's own order is the order of asking");
    let well = AgentFacts { paused_until: None, ..rested };
    assert_eq!(take(&good, &[well], at, 10, 0).ring, [AgentId::new("a0")]);
}

#[test]
fn a_brand_may_choose_not_to_wait_for_those_who_talk() {
    let mut rules = write_rules(2, "phone_verified = true");
    let facts: Vec<AgentFacts> =
        facts_of(&rules).into_iter().map(|facts| AgentFacts { live_leg: held(true), ..facts }).collect();
    assert!(take(&rules, &facts, noon(), 10, 0).is_hopeful);
    rules.brands[0].wait_for_on_call = false;
    assert!(!take(&rules, &facts, noon(), 10, 0).is_hopeful);
}

#[test]
fn a_number_that_may_not_be_dialled_is_no_phone() {
    let rules = write_rules(1, "phone_verified = true");
    let nowhere = DestinationPolicy::new(["GB"], [], []);
    let list = take_with(&rules, &facts_of(&rules), noon(), 10, 0, &nowhere, |_| Earlier::Nothing);
    assert_eq!(list.record.agents[0].place, Place::No { reason: NotEligible::NoPhone });
}

#[test]
fn rest_and_pause_end_to_the_millisecond() {
    let rules = write_rules(1, "phone_verified = true");
    let until = noon() + TimeDelta::seconds(15);
    let just_before = until - TimeDelta::milliseconds(1);
    for facts in [
        AgentFacts { rests_until: Some(until), ..AgentFacts::unknown(AgentId::new("a0")) },
        AgentFacts { paused_until: Some(until), ..AgentFacts::unknown(AgentId::new("a0")) },
        AgentFacts { switched_off_until: Some(until), ..AgentFacts::unknown(AgentId::new("a0")) },
    ] {
        assert!(take(&rules, std::slice::from_ref(&facts), just_before, 10, 0).ring.is_empty());
        assert_eq!(take(&rules, &[facts], until, 10, 0).ring.len(), 1);
    }
}

#[test]
fn an_agent_in_vancouver_is_told_the_time_of_its_clocks_and_of_another_day_the_date() {
    let rules = write_rules(1, "phone_verified = true");
    for (until, words) in [
        // British Columbia keeps its summer time from 2026 on: seven hours from UTC, also in November.
        ("2026-11-24T21:30:00Z", "the agent's phone was switched off until 14:30:00"),
        ("2026-11-25T15:00:00Z", "the agent's phone was switched off until Wednesday 25 November, 08:00:00"),
        ("9999-12-31T00:00:00Z", "the agent's phone was switched off until further notice"),
    ] {
        let until = Some(until.parse().unwrap());
        let facts = AgentFacts { switched_off_until: until, ..AgentFacts::unknown(AgentId::new("a0")) };
        let record = take(&rules, &[facts], noon(), 10, 0).record;
        let said = record.explain(&AgentId::new("a0"), "Priya", chrono_tz::America::Vancouver);
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn a_word_on_availability_holds_for_half_an_hour() {
    let rules = write_rules(1, "phone_verified = true");
    let facts = AgentFacts {
        presence: Presence::Offline,
        presence_at: Some(noon()),
        ..AgentFacts::unknown(AgentId::new("a0"))
    };
    assert!(take(&rules, std::slice::from_ref(&facts), noon() + PRESENCE_HOLDS, 10, 0).ring.is_empty());
    let later = noon() + PRESENCE_HOLDS + TimeDelta::milliseconds(1);
    assert_eq!(take(&rules, &[facts], later, 10, 0).ring.len(), 1);
}

#[test]
fn whoever_was_asked_before_is_not_asked_again() {
    let rules = write_rules(3, "phone_verified = true");
    let facts = facts_of(&rules);
    let policy = DestinationPolicy::new(["US"], [], []);
    let list = take_with(&rules, &facts, noon(), 10, 0, &policy, |agent| match agent.as_str() {
        "a0" => Earlier::Offered,
        "a1" => Earlier::StillHeld,
        _ => Earlier::Nothing,
    });
    assert_eq!(list.ring, [AgentId::new("a2")]);
    let places: Vec<Place> = list.record.agents.iter().map(|listed| listed.place).collect();
    let held = Place::No { reason: NotEligible::RingingOtherCall };
    assert_eq!(places, [Place::Rings { position: 1 }, Place::AlreadyOffered, held]);
    assert!(list.is_hopeful, "the phone that this call still holds comes free");
}

#[test]
fn a_caller_does_not_wait_for_a_phone_whose_agent_went_offline_while_it_was_held() {
    let rules = write_rules(1, "phone_verified = true");
    let policy = DestinationPolicy::new(["US"], [], []);
    let gone = AgentFacts {
        presence: Presence::Offline,
        presence_at: Some(noon()),
        live_leg: held(false),
        ..AgentFacts::unknown(AgentId::new("a0"))
    };
    let take = |facts: AgentFacts| take_with(&rules, &[facts], noon(), 10, 0, &policy, |_| Earlier::StillHeld);
    let list = take(gone.clone());
    assert_eq!(list.record.agents[0].place, Place::No { reason: NotEligible::Unavailable });
    assert!(!list.is_hopeful);
    assert!(take(AgentFacts { presence: Presence::Online, ..gone }).is_hopeful);
}

#[test]
fn turns_go_round() {
    let rules = write_rules(4, "phone_verified = true");
    let mut facts = facts_of(&rules);
    let mut at = noon();
    let mut rung = Vec::new();
    for _ in 0..12 {
        at += TimeDelta::seconds(60);
        let list = take(&rules, &facts, at, 1, 0);
        let first = list.ring.first().unwrap().clone();
        facts.iter_mut().find(|facts| facts.agent == first).unwrap().last_offered_at = Some(at);
        rung.push(first.to_string());
    }
    assert_eq!(rung, ["a0", "a1", "a2", "a3"].repeat(3));
}

#[test]
fn open_conversations_push_back_by_at_most_half_and_wear_off() {
    let busy = |open_conversations, passed_over| AgentFacts {
        open_conversations,
        passed_over,
        ..AgentFacts::unknown(AgentId::new("a0"))
    };
    let others: Vec<AgentFacts> = ["a1", "a2", "a3"].map(|id| AgentFacts::unknown(AgentId::new(id))).to_vec();
    let place_of_a0 = |first: AgentFacts, bias: u32| {
        let all = std::iter::once(&first).chain(&others).zip(0..);
        let mut all: Vec<Standing<'_>> = all.map(|(facts, rank)| Standing::new(facts, rank)).collect();
        sort_by_turn(&mut all, bias, 4);
        all.iter().position(|standing| standing.facts.agent.as_str() == "a0").unwrap()
    };
    assert_eq!(place_of_a0(busy(0, 0), 1), 0);
    assert_eq!(place_of_a0(busy(1, 0), 1), 1);
    assert_eq!(place_of_a0(busy(2, 0), 1), 2);
    assert_eq!(place_of_a0(busy(50, 0), 1), 2, "half of four");
    assert_eq!(place_of_a0(busy(50, 1), 1), 1, "passed over once");
    assert_eq!(place_of_a0(busy(50, 2), 1), 0);
    assert_eq!(place_of_a0(busy(50, 0), 0), 0, "no bias");
}

#[test]
fn a_member_without_facts_is_unavailable_and_in_the_record() {
    let rules = write_rules(2, "phone_verified = true");
    let facts = vec![AgentFacts::unknown(AgentId::new("a1"))];
    let list = take(&rules, &facts, noon(), 10, 0);
    assert_eq!(list.ring, [AgentId::new("a1")]);
    assert_eq!(list.record.agents[1].place, Place::No { reason: NotEligible::Unavailable });
}

fn some_facts(number: usize) -> impl Strategy<Value = AgentFacts> {
    let presence = prop_oneof![4 => Just(Presence::Online), 1 => Just(Presence::Busy), 1 => Just(Presence::Unknown)];
    let leg = prop_oneof![4 => Just(None), 1 => Just(held(true)), 1 => Just(held(false))];
    (presence, leg, -30..30_i64, 0..4_u32, 0..3_u32, proptest::option::of(0..600_i64)).prop_map(
        move |(presence, live_leg, rest, open_conversations, passed_over, offered)| AgentFacts {
            presence,
            presence_at: Some(noon()),
            live_leg,
            rests_until: Some(noon() + TimeDelta::seconds(rest)),
            open_conversations,
            passed_over,
            last_offered_at: offered.map(|ago| noon() - TimeDelta::seconds(ago)),
            ..AgentFacts::unknown(AgentId::new(&format!("a{number}")))
        },
    )
}

fn some_roster() -> impl Strategy<Value = Vec<AgentFacts>> {
    (1..12_usize).prop_flat_map(|count| (0..count).map(some_facts).collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_member_is_in_the_record_once(facts in some_roster(), width in 0..12_u32, ringing in 0..4_u32) {
        let rules = write_rules(facts.len(), "phone_verified = true");
        let list = take(&rules, &facts, noon(), width, ringing);
        let mut listed: Vec<&AgentId> = list.record.agents.iter().map(|listed| &listed.agent).collect();
        let mut roster: Vec<&AgentId> = rules.brands[0].roster.iter().collect();
        listed.sort();
        roster.sort();
        prop_assert_eq!(listed, roster);
    }

    #[test]
    fn waves_part_the_eligible_in_one_order(facts in some_roster(), width in 1..12_u32) {
        let rules = write_rules(facts.len(), "phone_verified = true");
        let all = take(&rules, &facts, noon(), u32::MAX, 0);
        let first = take(&rules, &facts, noon(), width, 0);
        prop_assert!(all.later.is_empty());
        let joined: Vec<AgentId> = first.ring.iter().chain(&first.later).cloned().collect();
        prop_assert_eq!(&joined, &all.ring);
        prop_assert_eq!(first.ring.len(), all.ring.len().min(usize::try_from(width).unwrap()));
        for (index, listed) in first.record.agents.iter().take(joined.len()).enumerate() {
            let position = u32::try_from(index + 1).unwrap();
            let expected = if position <= width { Place::Rings { position } } else { Place::WaitingForWave { position } };
            prop_assert_eq!((&listed.agent, listed.place), (&joined[index], expected));
        }
    }

    #[test]
    fn nobody_rings_who_rests_talks_or_is_away(facts in some_roster()) {
        let rules = write_rules(facts.len(), "phone_verified = true");
        let list = take(&rules, &facts, noon(), u32::MAX, 0);
        for facts in &facts {
            let rings = list.ring.contains(&facts.agent);
            let may = facts.presence != Presence::Busy && facts.live_leg.is_none() && facts.rests_until.is_none_or(|until| until <= noon());
            prop_assert_eq!(rings, may, "{:?}", facts);
        }
    }
}

#[test]
fn in_a_large_brand_an_agent_is_paused_though_few_others_have_the_skill() {
    let rules = write_rules(6, "phone_verified = true");
    let facts = facts_of(&rules);
    let destinations = DestinationPolicy::new(["US"], [], []);
    let intent = rules::Intent {
        id: crate::ids::IntentId::new("sales"),
        name: "sales".to_owned(),
        skill: Some("sales".to_owned()),
        greeting: None,
        fallback: None,
    };
    let plain = question(&rules, &facts, &destinations, &rules.brands[0], noon(), u32::MAX, 0);
    let question = Question { intent: Some(&intent), ..plain };
    let judged = judge_miss(&question, &rules.pausing, &AgentId::new("a0"), 3, false, |_| false);
    let stay = vec![AgentId::new("a1"), AgentId::new("a2")];
    assert_eq!(judged, Miss::Paused { until: noon() + TimeDelta::minutes(15), stay });
    // Of the brand's last three one is paused, of its last two none, whatever they can do.
    let spared = judge_miss(&question, &rules.pausing, &AgentId::new("a0"), 3, false, |other| other.as_str() > "a1");
    assert_eq!(spared, Miss::Spared);
}
