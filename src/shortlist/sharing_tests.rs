use chrono::TimeDelta;
use proptest::prelude::*;

use super::facts::{LiveLeg, WaitingCall};
use super::sharing_floor::{Floor, Text, agent, call, noon, waiting};
use crate::ids::AgentId;

/// Acme has everybody, Bolt the last two, Cargo one of its own; those with an even number can move things.
fn floor(agents: usize, waiting: Vec<WaitingCall>) -> Floor {
    let mut text = Text::new();
    text.brand("acme", 0..agents, "");
    text.brand("bolt", agents.saturating_sub(2)..agents, "");
    text.brand("cargo", [99], "");
    for number in 0..agents {
        text.agent(number, number % 2 == 0, "");
    }
    text.agent(99, false, "");
    Floor::of(text.rules(), waiting)
}

fn acme(calls: usize) -> Vec<WaitingCall> {
    (0..calls).map(|number| waiting(number, "acme", None)).collect()
}

fn acme_and_bolt() -> Vec<WaitingCall> {
    vec![waiting(0, "acme", None), waiting(1, "bolt", None)]
}

fn agents(numbers: impl IntoIterator<Item = usize>) -> Vec<AgentId> {
    numbers.into_iter().map(agent).collect()
}

#[test]
fn a_call_that_waits_alone_is_offered_every_phone() {
    let floor = floor(5, acme(1));
    let shortlist = floor.take(0);
    assert_eq!((shortlist.ring.len(), shortlist.record.left_to_others, shortlist.record.width), (5, 0, None));
}

#[test]
fn two_calls_have_half_of_the_phones_each_and_the_record_says_so() {
    let mut floor = floor(5, acme(2));
    let first = floor.take(0);
    assert_eq!((first.ring.len(), first.later.len()), (3, 2));
    assert_eq!((first.record.left_to_others, first.record.width), (2, None));
    for listed in &first.record.agents {
        assert_eq!(listed.is_left, first.later.contains(&listed.agent), "{}", listed.agent);
    }
    let said = first.record.explain(&first.later[0], "Priya", chrono_tz::Tz::UTC);
    assert!(said.contains("2 phones were left to other callers"), "{said}");
    assert_eq!((floor.offer(0).len(), floor.offer(1).len(), floor.offer(0).len()), (3, 2, 0));
}

#[test]
fn a_call_that_has_every_phone_keeps_them_and_what_comes_free_goes_to_the_poorer_one() {
    let mut floor = floor(4, acme(1));
    floor.offer(0);
    floor.waiting.extend(acme(2).pop());
    floor.decline(0, &agent(1));
    floor.decline(0, &agent(2));
    assert_eq!((floor.offer(0).len(), floor.offer(1).len()), (0, 2));
}

#[test]
fn calls_that_could_not_be_offered_these_phones_take_no_share() {
    // Another brand's roster, and a skill that only others have.
    let lone = floor(4, vec![waiting(0, "acme", None), waiting(1, "cargo", None), waiting(2, "gone", None)]);
    assert_eq!(lone.take(0).ring.len(), 4);
    let mut skilled = floor(4, vec![waiting(0, "acme", None), waiting(1, "acme", Some("moves"))]);
    for even in [0, 2] {
        skilled.facts[even].live_leg = Some(LiveLeg { call: call(9), since: noon(), talking: true });
    }
    assert_eq!(skilled.take(0).ring.len(), 2);
}

#[test]
fn phones_that_only_one_call_can_use_are_not_left_to_others() {
    // Two of six are Bolt's as well: of those Acme leaves one.
    let mut floor = floor(6, acme_and_bolt());
    assert_eq!((floor.take(0).ring.len(), floor.take(1).ring.len()), (5, 1));
    // Three of six can move things: the caller about a move has two of them at most, the other the rest.
    floor.waiting = vec![waiting(0, "acme", Some("moves")), waiting(1, "acme", Some("sales"))];
    assert_eq!((floor.offer(0).len(), floor.offer(1).len()), (2, 4));
}

#[test]
fn a_brand_of_two_shared_agents_has_one_of_them_though_their_turn_comes_first() {
    let mut floor = floor(6, acme_and_bolt());
    for own in 0..4 {
        floor.facts[own].last_offered_at = Some(noon());
    }
    // a4 and a5 stand first, and Bolt can use no others.
    assert_eq!(floor.offer(0), agents([4, 0, 1, 2, 3]));
    assert_eq!(floor.offer(1), agents([5]));
}

#[test]
fn phones_that_ring_and_that_nobody_else_could_use_count_against_nobody() {
    let mut floor = floor(5, acme_and_bolt());
    for own in 0..3 {
        floor.ring(0, &agent(own));
    }
    // a3 and a4, which Bolt shares, come free: one each, whoever looks first.
    assert_eq!(floor.offer(1), agents([3]));
    assert_eq!(floor.offer(0), agents([4]));
}

#[test]
fn a_phone_is_not_left_to_a_caller_whom_its_agent_has_declined() {
    let mut floor = floor(4, acme(2));
    // The first caller was declined by two, and waits since the other two talk.
    for number in [0, 1] {
        floor.ring(0, &agent(number));
        floor.decline(0, &agent(number));
    }
    for talks in [2, 3] {
        floor.facts[talks].live_leg = Some(LiveLeg { call: call(9), since: noon(), talking: true });
    }
    assert_eq!(floor.offer(1), agents([0, 1]));
}

#[test]
fn a_phone_is_not_left_to_a_caller_in_a_simultaneous_dial_whose_numbers_are_fixed() {
    let mut floor = floor(4, acme(2));
    floor.ring(0, &agent(0));
    floor.waiting[0].asked.closes_at = Some(noon());
    assert_eq!(floor.offer(1), agents([1, 2, 3]));
}

#[test]
fn a_phone_is_not_left_to_a_caller_whose_wave_is_full_until_the_next() {
    let mut text = Text::new();
    text.brand("acme", 0..4, "ring_width = 1\nwave_interval_s = 10\n");
    text.brand("bolt", 0..4, "");
    (0..4).for_each(|number| text.agent(number, false, ""));
    let mut floor = Floor::of(text.rules(), acme_and_bolt());
    assert_eq!(floor.offer(0), agents([0]));
    floor.wait_for(TimeDelta::seconds(9));
    assert_eq!(floor.take(1).ring, agents([1, 2, 3]));
    // Of the two who join at the next wave of both, Acme's call may have one.
    floor.wait_for(TimeDelta::seconds(1));
    assert_eq!(floor.take(1).ring, agents([1, 2]));
}

#[test]
fn a_phone_is_not_left_to_a_caller_who_came_before_its_agent_began_to_work() {
    let mut text = Text::new();
    text.brand("acme", 0..2, "");
    text.agent(0, false, "");
    text.agent(1, false, "time_zone = \"UTC\"\n[agent.shift]\ntue = [\"12:00-17:00\"]\n");
    let mut floor = Floor::of(text.rules(), acme(2));
    floor.waiting[0].arrived_at = noon() - TimeDelta::seconds(1);
    floor.ring(0, &agent(0));
    assert_eq!(floor.offer(1), agents([1]));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    /// Whoever waits, whatever was rung before and whichever phones came free: when all have looked, every phone rings and
    /// nobody could have one more without having more than an even share.
    #[test]
    fn phones_are_split_evenly(phones in 1_usize..12, calls in 1_usize..7, begun in prop::collection::vec(0_usize..8, 12)) {
        let mut floor = floor(phones, acme(calls));
        // Some ring already, as earlier shares were; a number beyond the calls leaves the phone free.
        for (number, begun) in begun.iter().enumerate().take(phones).filter(|(_, begun)| **begun < calls) {
            floor.ring(*begun, &agent(number));
        }
        let before: Vec<usize> = (0..calls).map(|number| floor.held(number)).collect();
        let free = phones - before.iter().sum::<usize>();
        let offered: Vec<usize> = (0..calls).map(|number| floor.offer(number).len()).collect();
        let even = phones / calls;
        for number in 0..calls {
            let now = floor.held(number);
            prop_assert_eq!(now, before[number] + offered[number], "nothing is taken back");
            prop_assert!(offered[number] == 0 || now <= even + 1, "more than an even share: {} of {}", now, phones);
        }
        prop_assert_eq!(offered.iter().sum::<usize>(), free, "a phone is left over");
        let most = (0..calls).filter(|number| offered[*number] > 0).map(|number| floor.held(number)).max().unwrap_or(0);
        let least = (0..calls).map(|number| floor.held(number)).min().unwrap();
        prop_assert!(most <= least + 1, "{} and {}", most, least);
    }
}
