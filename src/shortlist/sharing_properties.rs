//! What holds of sharing among brands whose rosters, skills, shifts, waves and earlier offers overlap in part.
//!
//! The oracle knows whom a call may be offered from what was drawn, and counts what each holds by itself.

use std::collections::HashSet;

use chrono::TimeDelta;

use super::Place;
use super::facts::{LiveLeg, WaitingCall};
use super::generated::Dice;
use super::sharing_floor::{Floor, Text, agent, call, noon, waiting};
use crate::ids::AgentId;

/// Worlds, and things that happen in each.
const WORLDS: u64 = 4_000;
const STEPS: u64 = 12;
const BRANDS: [&str; 4] = ["acme", "bolt", "cargo", "delta"];

/// One agent.
#[derive(Clone, Copy)]
struct Person {
    can_move: bool,
    /// Works from noon on only.
    comes_at_noon: bool,
}

struct World {
    people: Vec<Person>,
    rosters: Vec<Vec<usize>>,
    floor: Floor,
    next: usize,
}

impl World {
    fn draw(dice: &mut Dice) -> Self {
        let people: Vec<Person> = (0..3 + dice.place(10))
            .map(|_| Person { can_move: dice.one_in(2), comes_at_noon: dice.one_in(5) })
            .collect();
        let mut text = Text::new();
        let mut rosters = Vec::new();
        for brand in BRANDS {
            let few = 1 + dice.below(3);
            let mut roster: Vec<usize> = (0..people.len()).filter(|_| dice.below(4) >= few).collect();
            if roster.is_empty() {
                roster.push(dice.place(people.len()));
            }
            let width = format!("ring_width = {}\nwave_interval_s = 10\n", 1 + dice.below(3));
            text.brand(brand, roster.iter().copied(), if dice.one_in(3) { &width } else { "" });
            rosters.push(roster);
        }
        let shift = "time_zone = \"UTC\"\n[agent.shift]\ntue = [\"12:00-17:00\"]\n";
        for (number, person) in people.iter().enumerate() {
            text.agent(number, person.can_move, if person.comes_at_noon { shift } else { "" });
        }
        let mut world = Self { people, rosters, floor: Floor::of(text.rules(), Vec::new()), next: 0 };
        for facts in &mut world.floor.facts {
            facts.open_conversations = dice.small(3);
            facts.last_offered_at = dice.one_in(2).then(|| noon() - TimeDelta::minutes(dice.between(1, 5)));
        }
        (0..2 + dice.place(5)).for_each(|_| world.arrive(dice));
        world
    }

    /// One more call, with a past of its own.
    fn arrive(&mut self, dice: &mut Dice) {
        let brand = dice.pick(&BRANDS);
        let mut waits = waiting(self.next, brand, dice.pick(&[None, Some("sales"), Some("moves")]));
        self.next += 1;
        waits.arrived_at = noon() - TimeDelta::seconds(dice.between(-1, 1));
        self.floor.waiting.push(waits);
        let number = self.floor.waiting.len() - 1;
        for who in 0..self.people.len() {
            let is_free = self.floor.facts[who].live_leg.is_none();
            if dice.one_in(6) && is_free && self.may_be_offered(&self.floor.waiting[number], who) {
                self.floor.ring(number, &agent(who));
                if dice.one_in(2) {
                    self.floor.decline(number, &agent(who));
                }
            }
        }
        if dice.one_in(5) {
            let closes_at = self.floor.at + TimeDelta::seconds(dice.between(-5, 5));
            self.floor.waiting[number].asked.closes_at = Some(closes_at);
        }
    }

    /// Roster, skill, shift and what was offered before; whether the phone is free is another matter.
    fn may_be_offered(&self, call: &WaitingCall, who: usize) -> bool {
        let brand = BRANDS.iter().position(|brand| *brand == call.brand.as_str()).unwrap();
        let person = self.people[who];
        let wants_mover = call.intent.as_ref().is_some_and(|intent| intent.as_str() == "moves");
        self.rosters[brand].contains(&who)
            && (person.can_move || !wants_mover)
            && (call.arrived_at >= noon() || !person.comes_at_noon)
            && !call.asked.agents.contains(&agent(who))
    }

    /// Whether the call takes phones now at all.
    fn is_open(&self, number: usize) -> bool {
        let closes_at = self.floor.waiting[number].asked.closes_at;
        self.floor.room(number) > 0 && closes_at.is_none_or(|at| self.floor.at < at)
    }

    /// Those who want this agent now, `but` left out.
    fn find_wanting(&self, who: usize, but: usize) -> Vec<usize> {
        let calls = self.floor.waiting.iter().enumerate();
        let want =
            calls.filter(|(number, call)| *number != but && self.is_open(*number) && self.may_be_offered(call, who));
        want.map(|(number, _)| number).collect()
    }

    /// Phones that ring for the call and that others want.
    fn held(&self, number: usize) -> usize {
        let rings = self.floor.waiting[number].asked.ringing.iter();
        rings.filter(|agent| !self.find_wanting(place(agent), number).is_empty()).count()
    }

    fn is_free(&self, who: usize) -> bool {
        self.floor.facts[who].live_leg.is_none()
    }

    /// Takes the shortlist of a call and holds it against what sharing promises; then its phones ring.
    fn look(&mut self, number: usize) -> usize {
        let list = self.floor.take(number);
        let brand = BRANDS.iter().position(|brand| *brand == self.floor.waiting[number].brand.as_str()).unwrap();
        let roster = &self.rosters[brand];
        // The eligible are parted into who rings and who does not, and everybody has a line and a sentence.
        let ring: HashSet<usize> = list.ring.iter().map(place).collect();
        let later: HashSet<usize> = list.later.iter().map(place).collect();
        let asks = &self.floor.waiting[number];
        let eligible: HashSet<usize> =
            roster.iter().copied().filter(|who| self.is_free(*who) && self.may_be_offered(asks, *who)).collect();
        assert!(ring.is_disjoint(&later) && list.ring.len() == ring.len() && list.later.len() == later.len());
        assert_eq!(&ring | &later, eligible);
        assert!(ring.len() <= self.floor.room(number));
        assert_eq!(list.record.agents.len(), roster.len());
        for who in roster {
            let listed = list.record.find(&agent(*who)).unwrap();
            assert_eq!(matches!(listed.place, Place::Rings { .. }), ring.contains(who));
            assert_eq!(matches!(listed.place, Place::WaitingForWave { .. }), later.contains(who));
            assert!(list.record.explain(&agent(*who), "Priya", chrono_tz::Tz::UTC).starts_with("Priya "));
        }
        // In the order of turns: a contested phone is taken only if no rival that wants it is poorer, what was left to it
        // counted; and left only to one that is.
        let (mut held, mut left, mut taken) = (self.held(number), vec![0; self.floor.waiting.len()], 0);
        for listed in &list.record.agents {
            let who = place(&listed.agent);
            let wanting = self.find_wanting(who, number);
            if ring.contains(&who) {
                for rival in &wanting {
                    let most = self.held(*rival) + left[*rival].min(self.floor.room(*rival));
                    assert!(held <= most || left[*rival] >= self.floor.room(*rival), "{who} is kept from {rival}");
                }
                held += usize::from(!wanting.is_empty());
                taken += 1;
            } else if later.contains(&who) && taken < self.floor.room(number) {
                assert!(listed.is_left);
                assert!(wanting.iter().any(|rival| self.held(*rival) < held), "{who} is left to nobody poorer");
                wanting.iter().for_each(|rival| left[*rival] += 1);
            }
        }
        list.ring.iter().for_each(|agent| self.floor.ring(number, agent));
        list.ring.len()
    }

    /// All look, again and again in any order, until nobody finds a phone; how many were found.
    fn settle(&mut self, dice: &mut Dice) -> usize {
        let (mut found, mut idle) = (0, 0);
        let calls = self.floor.waiting.len();
        while idle < 3 * calls {
            let number = if idle < 2 * calls { dice.place(calls) } else { idle % calls };
            // Whoever is in a simultaneous dial does not look.
            let more = if self.is_open(number) { self.look(number) } else { 0 };
            found += more;
            idle = if more > 0 { 0 } else { idle + 1 };
        }
        found
    }

    fn judge_settled(&self) {
        for who in (0..self.people.len()).filter(|who| self.is_free(*who)) {
            let wanting = self.find_wanting(who, usize::MAX);
            assert!(wanting.is_empty(), "a{who} rings for nobody, though {wanting:?} want it");
        }
    }

    /// A caller goes or comes, somebody declines, talks or is done, or time passes.
    fn change(&mut self, dice: &mut Dice) {
        let calls = self.floor.waiting.len();
        let who = dice.place(self.people.len());
        let rings_for = self.floor.facts[who].live_leg.filter(|leg| !leg.talking).map(|leg| leg.call);
        let rings_for = self.floor.waiting.iter().position(|waits| Some(waits.call) == rings_for);
        match (dice.below(5), rings_for) {
            (0, _) if calls > 1 => self.floor.leave(dice.place(calls)),
            (1, _) => self.arrive(dice),
            (2, _) => self.floor.wait_for(TimeDelta::seconds(dice.between(1, 10))),
            (_, Some(number)) => self.floor.decline(number, &agent(who)),
            (_, None) => {
                let leg = LiveLeg { call: call(99), since: noon(), talking: true };
                let facts = &mut self.floor.facts[who];
                facts.live_leg = if facts.live_leg.is_some() { None } else { Some(leg) };
            }
        }
    }
}

fn place(agent: &AgentId) -> usize {
    agent.as_str()[1..].parse().unwrap()
}

#[test]
fn no_free_phone_that_a_waiting_call_could_use_is_left_ringing_for_nobody() {
    let (mut looks, mut left) = (0, 0_usize);
    for seed in 1..=WORLDS {
        let mut dice = Dice::new(seed);
        let mut world = World::draw(&mut dice);
        let named = super::properties::Named(seed);
        for _ in 0..STEPS {
            let open = (0..world.floor.waiting.len()).filter(|number| world.is_open(*number));
            left += open.filter(|number| world.floor.take(*number).record.left_to_others > 0).count();
            looks += world.settle(&mut dice);
            world.judge_settled();
            world.change(&mut dice);
        }
        drop(named);
    }
    println!("sharing: {WORLDS} worlds, {looks} phones offered, {left} looks that left some to others");
    assert!(left > 4_000, "hardly anything was shared: {left}");
}
