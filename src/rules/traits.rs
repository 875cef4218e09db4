//! What the rules say of an agent that decides whether they may be rung, in a few bytes each: a roster of thousands is
//! looked at for every call, and its agents' texts are not looked at with it.

use std::cell::Cell;
use std::collections::HashMap;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::{Absence, Agent, AvailabilitySource, Intent, Rules, ShiftDay, WeeklyHours, shifts};
use crate::ids::AgentId;

/// Skills that have a bit of their own; of the others the words are compared.
const BITS: usize = 64;

/// One agent.
#[derive(Debug, Clone)]
pub struct Traits {
    id: AgentId,
    skills: u64,
    /// Which of the different shifts.
    shift: u32,
    /// As [`Agent::phone_verified`].
    pub phone_verified: bool,
    /// As [`Agent::availability`].
    pub availability: AvailabilitySource,
}

/// Everybody's, by their place in [`Rules::agents`].
#[derive(Debug)]
pub(super) struct TraitsTable {
    all: Box<[Traits]>,
    /// Skills that intents ask for; each has the bit of its place.
    skills: Box<[Box<str>]>,
    /// Of each of the different shifts the place of the first agent who works it.
    shifts: Box<[u32]>,
}

/// What decides about a shift.
type ShiftKey<'a> = (Option<Tz>, Option<&'a WeeklyHours>, &'a [ShiftDay], &'a [Absence]);

/// What an intent asks of an agent.
#[derive(Debug, Clone, Copy)]
pub enum Wanted<'a> {
    /// Nothing.
    Nothing,
    /// A skill, by its bit.
    Bit(u64),
    /// A skill, by its word.
    Word(&'a String),
}

/// Who is on shift for a call, each of the different shifts looked at once.
#[derive(Debug)]
pub struct ShiftsAt<'a> {
    rules: &'a Rules,
    table: &'a TraitsTable,
    brand_zone: Tz,
    arrived_at: DateTime<Utc>,
    known: Box<[Cell<Option<bool>>]>,
}

impl TraitsTable {
    pub(super) fn of(rules: &Rules) -> Self {
        let mut skills: Vec<&str> =
            rules.brands.iter().flat_map(|brand| &brand.intents).filter_map(|intent| intent.skill.as_deref()).collect();
        skills.sort_unstable();
        skills.dedup();
        skills.truncate(BITS);
        let mut known: HashMap<ShiftKey<'_>, u32> = HashMap::new();
        let mut shifts = Vec::new();
        let mut all = Vec::with_capacity(rules.agents.len());
        for (place, agent) in (0..).zip(&rules.agents) {
            let shift = *known.entry(key(agent)).or_insert_with(|| {
                shifts.push(place);
                u32::try_from(shifts.len() - 1).unwrap_or(u32::MAX)
            });
            all.push(Traits {
                id: agent.id.clone(),
                skills: agent.skills.iter().fold(0, |bits, skill| bits | bit(&skills, skill)),
                shift,
                phone_verified: agent.phone_verified,
                availability: agent.availability,
            });
        }
        let all = all.into_boxed_slice();
        Self { all, skills: skills.into_iter().map(Box::from).collect(), shifts: shifts.into_boxed_slice() }
    }

    /// Those of the agent at a place, if it is the one named `id`.
    pub(super) fn find(&self, place: u32, id: &AgentId) -> Option<&Traits> {
        self.all.get(usize::try_from(place).ok()?).filter(|traits| traits.id == *id)
    }

    pub(super) fn wanted<'a>(&self, intent: Option<&'a Intent>) -> Wanted<'a> {
        let Some(skill) = intent.and_then(|intent| intent.skill.as_ref()) else { return Wanted::Nothing };
        match bit(&self.skills, skill) {
            0 => Wanted::Word(skill),
            bit => Wanted::Bit(bit),
        }
    }

    pub(super) fn shifts_at<'a>(&'a self, rules: &'a Rules, brand_zone: Tz, arrived_at: DateTime<Utc>) -> ShiftsAt<'a> {
        let known = self.shifts.iter().map(|_| Cell::new(None)).collect();
        ShiftsAt { rules, table: self, brand_zone, arrived_at, known }
    }

    fn first_on(&self, shift: u32) -> Option<u32> {
        self.shifts.get(usize::try_from(shift).ok()?).copied()
    }
}

fn bit<S: AsRef<str>>(skills: &[S], skill: &str) -> u64 {
    skills.binary_search_by(|known| known.as_ref().cmp(skill)).map_or(0, |place| 1 << place)
}

fn key(agent: &Agent) -> ShiftKey<'_> {
    (agent.time_zone, agent.shift.as_ref(), &agent.shift_days, &agent.absences)
}

impl Wanted<'_> {
    /// Whether the agent has what is asked. `agent` gives the agent whose traits these are.
    pub fn is_met_by<'a>(&self, traits: &Traits, agent: impl FnOnce() -> Option<&'a Agent>) -> bool {
        match self {
            Self::Nothing => true,
            Self::Bit(bit) => traits.skills & bit != 0,
            Self::Word(skill) => agent().is_some_and(|agent| agent.skills.contains(skill)),
        }
    }
}

impl ShiftsAt<'_> {
    /// Whether the agent of these traits may be rung for the call. See [`shifts::counts_for_call`].
    #[must_use]
    pub fn counts(&self, traits: &Traits) -> bool {
        let place = usize::try_from(traits.shift).ok();
        let known = place.and_then(|place| self.known.get(place));
        if let Some(counts) = known.and_then(Cell::get) {
            return counts;
        }
        let first = self.table.first_on(traits.shift).and_then(|first| usize::try_from(first).ok());
        let first = first.and_then(|first| self.rules.agents.get(first));
        let counts = first.is_some_and(|agent| shifts::counts_for_call(agent, self.brand_zone, self.arrived_at));
        if let Some(known) = known {
            known.set(Some(counts));
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::rules::file;

    /// So many intents, each with a skill of its own, and an agent who has every third.
    fn rules(skills: usize) -> Rules {
        let mut text = String::from(
            "[[brand]]\nid = \"acme\"\nname = \"Acme\"\ninbox = \"Acme\"\ntime_zone = \"UTC\"\nroster = [\"ann\"]\n",
        );
        for skill in 0..skills {
            let _ = write!(text, "[[brand.intent]]\nid = \"i{skill}\"\nname = \"I\"\nskill = \"s{skill}\"\n");
        }
        let has: Vec<String> = (0..skills).step_by(3).map(|skill| format!("\"s{skill}\"")).collect();
        let _ = write!(
            text,
            "[[number]]\nnumber = \"+15550100002\"\nbrand = \"acme\"\n[[agent]]\nid = \"ann\"\nname = \"Ann\"\n\
             email = \"ann@example.com\"\nphone = \"+15550100003\"\nphone_verified = true\nskills = [{}]\n",
            has.join(",")
        );
        file::parse("rules.toml", &text).unwrap()
    }

    #[test]
    fn skills_are_known_by_bit_and_the_many_beyond_by_word() {
        let rules = rules(BITS + 6);
        let brand = &rules.brands[0];
        let (agent, traits) = rules.agent_of_member(rules.members(brand)[0], &brand.roster[0]).unwrap();
        let mut words = 0;
        for (number, intent) in brand.intents.iter().enumerate() {
            let wanted = rules.wanted(Some(intent));
            words += usize::from(matches!(wanted, Wanted::Word(_)));
            assert_eq!(wanted.is_met_by(traits, || Some(agent)), number % 3 == 0, "{number}");
        }
        assert_eq!(words, 6);
        assert!(rules.wanted(None).is_met_by(traits, || None));
    }
}
