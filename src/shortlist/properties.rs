//! What holds of every shortlist, over millions of random cases.
//!
//! Another seed: `OFFHOOK_SHORTLIST_SEED=7`; so many times the cases: `OFFHOOK_SHORTLIST_TIMES=100`. A failure names the
//! seed of its world.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::TimeDelta;

use super::facts::{AgentFacts, Presence};
use super::generated::{Dice, World, agent_id, held, instant};
use super::{
    Earlier, LISTED_MAX, NotEligible, Place, Question, Shortlist, Standing, members, snapshot, sort_by_turn,
    take_full_shortlist, take_shortlist,
};
use crate::ids::AgentId;
use crate::rules::Brand;

/// Worlds of at most five agents, and shortlists in each.
const WORLDS: u64 = 8_000;
const SHORTLISTS: u64 = 60;
/// Worlds of more agents than a record lists.
const CROWDS: u64 = 40;
/// Rounds of one company's calls, and calls in each.
const PLAYS: u64 = 10_000;
const OFFERS: u64 = 100;
/// Lines of agents, of which one is changed.
const LINES: u64 = 500_000;
/// Instants at which something ends.
const ENDS: u64 = 100_000;
/// A stored record stays below. Source: the limit of DESIGN.md's decision record, 64 kB.
const RECORD_BYTES_MAX: usize = 64_000;

#[expect(clippy::disallowed_methods, reason = "which cases a test plays is no setting of the service")]
fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// A seed for each of so many worlds; the offset keeps the properties' worlds apart.
fn seeds(count: u64, offset: u64) -> impl Iterator<Item = u64> {
    let first = number("OFFHOOK_SHORTLIST_SEED", 1).wrapping_add(offset << 40);
    (0..count * number("OFFHOOK_SHORTLIST_TIMES", 1)).map(move |step| first.wrapping_add(step))
}

/// As the shell hands facts over: mostly those of the members in their order, sometimes in another, or not all.
fn handed_over(world: &World, dice: &mut Dice) -> Vec<AgentFacts> {
    let mut facts = world.facts.clone();
    match dice.below(4) {
        0 => facts.reverse(),
        1 => facts.retain(|_| !dice.one_in(4)),
        _ => {}
    }
    facts
}

struct Numbers(HashMap<AgentId, usize>);

impl Numbers {
    fn of(people: usize) -> Self {
        Self((0..people).map(|number| (agent_id(number), number)).collect())
    }

    fn of_all(&self, agents: &[AgentId]) -> Vec<usize> {
        agents.iter().map(|agent| self.0[agent]).collect()
    }
}

/// How often each place was given.
type Seen = BTreeMap<&'static str, u64>;

/// Holds a shortlist against the oracle: who rings, who waits, in which order, and the one reason of everybody else.
fn judge(world: &World, facts: &[AgentFacts], numbers: &Numbers, list: &Shortlist, seen: &mut Seen) {
    let members = world.members();
    let known: HashMap<usize, &AgentFacts> = facts.iter().map(|facts| (numbers.0[&facts.agent], facts)).collect();
    let reasons: HashMap<usize, Option<&str>> =
        members.iter().map(|who| (*who, world.reason(*who, known.get(who).copied()))).collect();
    let eligible: Vec<usize> = members.iter().copied().filter(|who| reasons[who].is_none()).collect();
    let line = world.line(&eligible);
    let in_line: Vec<usize> = line.iter().map(|(who, _)| *who).collect();
    let room = usize::try_from(world.width.saturating_sub(world.ringing)).unwrap().min(line.len());

    // Those who ring and those who wait are the eligible, parted, in one order: the first, apart from those whose phones
    // are left to others, of whom sharing_properties.rs knows more.
    let ring: HashSet<usize> = numbers.of_all(&list.ring).into_iter().collect();
    assert!(list.ring.len() + usize::try_from(list.record.left_to_others).unwrap() == room, "{} ring", list.ring.len());
    let (rings, waits): (Vec<_>, Vec<_>) = line.iter().copied().partition(|(who, _)| ring.contains(who));
    let whom = |line: &[(usize, usize)]| line.iter().map(|(who, _)| *who).collect::<Vec<_>>();
    assert_eq!(numbers.of_all(&list.ring), whom(&rings));
    assert_eq!(numbers.of_all(&list.later), whom(&waits));
    if world.waiting.is_empty() {
        assert_eq!(numbers.of_all(&list.ring), in_line[..room]);
    }
    let passed: Vec<usize> = waits.iter().filter(|(_, pushed)| *pushed > 0).map(|(who, _)| *who).collect();
    assert_eq!(numbers.of_all(&list.passed_over), passed);

    // The record tells of each member once: in line with a position, or with the reason.
    let mut told: Vec<usize> = list.record.agents.iter().map(|listed| numbers.0[&listed.agent]).collect();
    told.sort_unstable();
    assert!(told.windows(2).all(|two| two[0] != two[1]), "told twice");
    assert_eq!(list.record.count(), members.len());
    for (index, listed) in list.record.agents.iter().enumerate() {
        let who = numbers.0[&listed.agent];
        let position = u32::try_from(index + 1).unwrap();
        let (expected, word) = match reasons[&who] {
            None if ring.contains(&who) => (Place::Rings { position }, "rings"),
            None => (Place::WaitingForWave { position }, "waiting_for_wave"),
            Some("already_offered") => (Place::AlreadyOffered, "already_offered"),
            Some(word) => (Place::No { reason: reason_named(word) }, word),
        };
        assert_eq!(listed.place, expected, "{}", listed.agent);
        assert_eq!(in_line.get(index).copied(), reasons[&who].is_none().then_some(who));
        assert!(!listed.is_left || (word == "waiting_for_wave" && world.waiting.len() > 1));
        *seen.entry(if listed.is_left { "left" } else { word }).or_default() += 1;
    }
    // Whoever is not listed is counted, each kind as often as it is.
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for who in members.iter().filter(|who| told.binary_search(who).is_err()) {
        let word = reasons[who].unwrap_or(if ring.contains(who) { "rings" } else { "waits" });
        *counts.entry(word).or_default() += 1;
    }
    for counted in &list.record.counted {
        let word = match counted.place {
            Place::Rings { .. } => "rings",
            Place::WaitingForWave { .. } => "waits",
            Place::AlreadyOffered => "already_offered",
            Place::No { reason } => reason.as_str(),
        };
        assert_eq!(counts.remove(word), Some(usize::try_from(counted.agents).unwrap()), "{word}");
    }
    assert!(counts.is_empty(), "neither listed nor counted: {counts:?}");
    assert!(list.record.agents.len() == members.len().min(LISTED_MAX));
}

fn reason_named(word: &str) -> NotEligible {
    NotEligible::ALL.into_iter().find(|reason| reason.as_str() == word).unwrap()
}

/// The full list says the same, and of everybody.
fn agree(short: &Shortlist, full: &Shortlist, members: usize) {
    assert_eq!(full.record.agents.len(), members);
    assert_eq!(short.record.agents, full.record.agents[..members.min(LISTED_MAX)]);
    assert!(full.record.counted.is_empty());
    let same = |list: &Shortlist| {
        let mut list = list.clone();
        (list.record.agents, list.record.counted) = (Vec::new(), Vec::new());
        list
    };
    assert_eq!(same(short), same(full));
}

fn play_world(world: &mut World, dice: &mut Dice, shortlists: u64, seen: &mut Seen) {
    let numbers = Numbers::of(world.facts.len());
    let members = world.members().len();
    for step in 0..shortlists {
        world.draw_facts(dice);
        let facts = handed_over(world, dice);
        let question = world.question(&facts);
        let earlier = |agent: &AgentId| world.earlier[numbers.0[agent]];
        let list = take_shortlist(&question, earlier);
        judge(world, &facts, &numbers, &list, seen);
        if step % 8 == 0 {
            let full = take_full_shortlist(&question, earlier);
            agree(&list, &full, members);
            taken_again(&question, &list, &full, earlier);
            let stored = serde_json::to_string(&list.record).unwrap();
            assert!(stored.len() < RECORD_BYTES_MAX, "{} bytes", stored.len());
        }
    }
}

/// From the facts that are kept of a large roster the full list is taken again; small ones keep none.
fn taken_again(question: &Question<'_>, list: &Shortlist, full: &Shortlist, earlier: impl Fn(&AgentId) -> Earlier) {
    let kept = snapshot::keep(question, earlier);
    assert_eq!(kept.is_some(), members(question.brand, question.in_force).len() > LISTED_MAX);
    if let Some(kept) = kept {
        let brand = Brand { intents: question.intent.into_iter().cloned().collect(), ..question.brand.clone() };
        let again = snapshot::take_again(&list.record, &kept, question.rules, &brand, question.in_force);
        assert_eq!(again.unwrap(), full.record);
    }
}

fn report(what: &str, cases: u64, seen: &Seen) {
    println!("{what}: {cases} shortlists, seed {}; places {seen:?}", number("OFFHOOK_SHORTLIST_SEED", 1));
    let all = NotEligible::ALL.iter().map(|reason| reason.as_str());
    for word in all.chain(["rings", "waiting_for_wave", "left", "already_offered"]) {
        assert!(seen.get(word).is_some_and(|count| *count >= 100), "{word} was hardly ever given");
    }
}

#[test]
fn everybody_has_the_place_or_the_one_reason_that_the_design_gives() {
    let (mut seen, mut cases) = (Seen::new(), 0);
    for seed in seeds(WORLDS, 1) {
        let mut dice = Dice::new(seed);
        let people = 1 + dice.place(5);
        let mut world = World::draw(&mut dice, people);
        let _named = Named(seed);
        play_world(&mut world, &mut dice, SHORTLISTS, &mut seen);
        cases += SHORTLISTS;
    }
    report("places", cases, &seen);
}

#[test]
fn of_a_large_roster_everybody_is_listed_or_counted_in_a_record_below_64_kb() {
    let (mut seen, mut cases) = (Seen::new(), 0);
    for seed in seeds(CROWDS, 2) {
        let mut dice = Dice::new(seed);
        // Every other crowd has rules that keep nobody away, so that more are eligible than are listed.
        let mut world = if seed % 2 == 0 {
            let people = 150 + dice.place(500);
            World::draw(&mut dice, people)
        } else {
            World::ready(600 + dice.place(900), dice.pick(&[0, 1, 10]))
        };
        let _named = Named(seed);
        play_world(&mut world, &mut dice, 8, &mut seen);
        cases += 8;
    }
    report("large rosters", cases, &seen);
}

/// Says which world it was when a test fails inside it.
pub(super) struct Named(pub(super) u64);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("the world of seed {} failed", self.0);
        }
    }
}

#[test]
fn the_longest_record_stays_below_64_kb() {
    let mut world = World::ready(10_000, 10);
    let at = instant(world.at);
    for (number, facts) in world.facts.iter_mut().enumerate() {
        let long_ago = at - TimeDelta::days(3_000) + TimeDelta::microseconds(123_457);
        *facts = AgentFacts {
            presence: Presence::Offline,
            presence_at: Some(long_ago),
            last_offered_at: Some(long_ago),
            passed_over: 4_999,
            open_conversations: 1_000_000,
            open_conversations_at: Some(long_ago),
            live_leg: (number % 3 == 1).then(|| held(false)),
            rests_until: (number % 3 == 2).then(|| at + TimeDelta::microseconds(123_457)),
            ..facts.clone()
        };
    }
    for everybody in [0, 1, 2] {
        let mut facts = world.facts.clone();
        for (facts, like) in facts.iter_mut().zip(world.facts.iter().skip(everybody).step_by(3).cycle()) {
            (facts.live_leg, facts.rests_until) = (like.live_leg, like.rests_until);
        }
        let list = take_shortlist(&Question { width: 3, ..world.question(&facts) }, |_| Earlier::Nothing);
        let stored = serde_json::to_string(&list.record).unwrap();
        println!("a record of 10000 agents, kind {everybody}: {} bytes", stored.len());
        assert_eq!(list.record.count(), 10_000);
        assert!(stored.len() < RECORD_BYTES_MAX, "{} bytes", stored.len());
    }
}

/// Nobody waits for ever. Of `n` on the roster, with at least `w` phones rung at each offer, whoever is eligible is
/// passed by at most `n / 2 + (n - 1) / w` offers, both rounded down:
///
/// - an offer that passes by somebody who is pushed back takes a place off, and no push is more than half the roster,
///   so there are at most `n / 2` of these until an offer of their own;
/// - an offer that passes by somebody who is not pushed rings `w` others who were all offered a call less recently;
///   each of them stands behind from then on, so there are at most `(n - 1) / w` of these.
///
/// It does not matter who of the others is eligible when, nor how open conversations change.
#[test]
fn nobody_waits_for_ever() {
    let (mut offers, mut closest) = (0_u64, 0.0_f64);
    for seed in seeds(PLAYS, 3) {
        let mut dice = Dice::new(seed);
        let _named = Named(seed);
        let people = 1 + dice.place(9);
        let mut world = World::ready(people, dice.pick(&[0, 1, 2, 10]));
        let numbers = Numbers::of(people);
        let narrowest = 1 + dice.small(u32::try_from(people).unwrap());
        let bound = people / 2 + (people - 1) / usize::try_from(narrowest).unwrap();
        let (is_calm, leave) = (dice.one_in(2), dice.pick(&[2, 5, 1_000]));
        let mut passed_by = vec![0_usize; people];
        for _ in 0..OFFERS {
            world.at += dice.between(1, 60_000);
            let is_first = offers % OFFERS == 0;
            for facts in &mut world.facts {
                if is_first || !is_calm {
                    facts.open_conversations = dice.pick(&[0, 0, 1, 3, 40]);
                }
                facts.paused_until = dice.one_in(leave).then(|| instant(world.at + 1));
            }
            world.width = narrowest + if dice.one_in(2) { 0 } else { dice.small(3) };
            let list = take_shortlist(&world.question(&world.facts), |_| Earlier::Nothing);
            offers += 1;
            for who in numbers.of_all(&list.ring) {
                passed_by[who] = 0;
                world.facts[who].last_offered_at = Some(instant(world.at));
                world.facts[who].passed_over = 0;
            }
            for who in numbers.of_all(&list.passed_over) {
                world.facts[who].passed_over += 1;
            }
            for who in numbers.of_all(&list.later) {
                passed_by[who] += 1;
                assert!(passed_by[who] <= bound, "passed by {} offers of {bound}, {people} agents", passed_by[who]);
                let share =
                    f64::from(u32::try_from(passed_by[who]).unwrap()) / f64::from(u32::try_from(bound).unwrap());
                closest = closest.max(share);
            }
        }
    }
    println!("turns: {offers} offers; the longest wait was {:.0} % of its bound", closest * 100.0);
    assert!(closest >= 0.8, "the bound says little");
}

/// How many stand before each, by the order alone.
fn stand(facts: &[AgentFacts], bias: u32, who: usize) -> usize {
    let mut all: Vec<Standing<'_>> = facts.iter().zip(0..).map(|(facts, rank)| Standing::new(facts, rank)).collect();
    sort_by_turn(&mut all, bias, facts.len());
    all.iter().position(|standing| standing.facts.agent == facts[who].agent).unwrap()
}

#[test]
fn a_further_open_conversation_never_moves_forward_and_a_passed_offer_never_back() {
    let (mut moved_back, mut moved_forward) = (0_u64, 0_u64);
    let mut world = World::ready(8, 1);
    for seed in seeds(LINES, 4) {
        let mut dice = Dice::new(seed);
        let _named = Named(seed);
        if seed % 4 == 0 {
            world.draw_facts(&mut dice);
        }
        let facts = &mut world.facts[..2 + dice.place(7)];
        let (bias, who) = (dice.pick(&[0, 1, 1, 2, 10]), dice.place(facts.len()));
        facts[who].open_conversations = dice.small(5);
        facts[who].passed_over = dice.small(4);
        let place = stand(facts, bias, who);
        facts[who].open_conversations += 1;
        let with_more = stand(facts, bias, who);
        facts[who].passed_over += 1;
        let passed = stand(facts, bias, who);
        assert!(with_more >= place, "from {place} forward to {with_more}");
        assert!(passed <= with_more, "from {with_more} back to {passed}");
        moved_back += u64::from(with_more > place);
        moved_forward += u64::from(passed < with_more);
    }
    println!("bias: {} lines; {moved_back} moved back, {moved_forward} forward", 3 * seeds(LINES, 4).count());
    assert!(moved_back > 1_000 && moved_forward > 1_000);
}

#[test]
fn a_rest_a_pause_and_the_own_switch_end_to_the_millisecond() {
    let mut world = World::ready(1, 1);
    let mut cases = 0;
    for seed in seeds(ENDS, 5) {
        let mut dice = Dice::new(seed);
        let _named = Named(seed);
        let until = dice.between(48 * 3_600_000, 400 * 3_600_000);
        let kind = dice.pick(&[NotEligible::Cooldown, NotEligible::Paused, NotEligible::Unavailable]);
        let facts = &mut world.facts[0];
        *facts = AgentFacts::unknown(facts.agent.clone());
        // The others ended before, or end now.
        let ended = Some(instant(until - dice.between(1, 3)));
        (facts.rests_until, facts.paused_until, facts.switched_off_until) = (ended, ended, ended);
        match kind {
            NotEligible::Cooldown => facts.rests_until = Some(instant(until)),
            NotEligible::Paused => facts.paused_until = Some(instant(until)),
            _ => facts.switched_off_until = Some(instant(until)),
        }
        let long_before = until - dice.between(2, 100_000);
        for (at, rings) in [(long_before, false), (until - 1, false), (until, true), (until + 1, true)] {
            world.at = at;
            let list = take_shortlist(&world.question(&world.facts), |_| Earlier::Nothing);
            cases += 1;
            assert_eq!(list.ring.len(), usize::from(rings), "{kind:?} at {} ms", at - until);
            if at == until - 1 {
                assert_eq!(list.record.agents[0].place, Place::No { reason: kind });
                assert_eq!(list.next_free_at, Some(instant(until)), "{kind:?}");
            }
        }
    }
    println!("ends: {cases} shortlists");
}
