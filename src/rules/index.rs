//! Where things stand in the rules, so that a call need not look through all of them.

use std::collections::HashMap;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU32;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::traits::{ShiftsAt, Traits, TraitsTable, Wanted};
use super::{Agent, Brand, DestinationPolicy, Intent, Number, Rules};
use crate::ids::{AgentId, BrandId};
use crate::phone_number::PhoneNumber;

/// Places by name, made when first asked for. Rules do not change once they are asked; a copy makes its own.
#[derive(Default)]
pub struct Index(OnceLock<Places>);

/// Where everything stands: places in the lists of [`Rules`].
struct Places {
    brands: HashMap<BrandId, u32>,
    agents: HashMap<AgentId, u32>,
    phones: HashMap<PhoneNumber, u32>,
    numbers: HashMap<PhoneNumber, u32>,
    rosters: Vec<Box<[Member]>>,
    /// The same agents by their places alone, ascending.
    on_roster: Vec<Box<[u32]>>,
    /// Whether each agent's phone may be dialled, once a policy was asked.
    verdicts: Box<[AtomicU32]>,
    traits: TraitsTable,
    /// How long the lists were, by which rules that were changed since are known.
    counted: [usize; 3],
}

/// One line of a brand's roster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// The agent's place in [`Rules::agents`].
    agent: u32,
    /// How many of the roster have a smaller id: comparing ranks is comparing ids.
    pub rank: u32,
}

impl Clone for Index {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for Index {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Index {}

impl std::fmt::Debug for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Index")
    }
}

impl Places {
    fn of(rules: &Rules) -> Self {
        let agents: HashMap<AgentId, u32> = places(rules.agents.iter().map(|agent| agent.id.clone()));
        let rosters: Vec<Box<[Member]>> = rules.brands.iter().map(|brand| members(&brand.roster, &agents)).collect();
        let on_roster = rosters.iter().map(|members| ascending(members)).collect();
        Self {
            brands: places(rules.brands.iter().map(|brand| brand.id.clone())),
            phones: places(rules.agents.iter().map(|agent| agent.phone.clone())),
            numbers: places(rules.numbers.iter().map(|number| number.number.clone())),
            verdicts: rules.agents.iter().map(|_| AtomicU32::new(0)).collect(),
            traits: TraitsTable::of(rules),
            agents,
            rosters,
            on_roster,
            counted: count(rules),
        }
    }
}

/// The first of those with the same name counts.
fn places<K: std::hash::Hash + Eq>(names: impl ExactSizeIterator<Item = K>) -> HashMap<K, u32> {
    let mut places = HashMap::with_capacity(names.len());
    for (place, name) in (0..).zip(names) {
        places.entry(name).or_insert(place);
    }
    places
}

fn members(roster: &[AgentId], agents: &HashMap<AgentId, u32>) -> Box<[Member]> {
    let mut by_id: Vec<(&AgentId, u32)> = roster.iter().zip(0..).collect();
    by_id.sort_unstable();
    let nobody = Member { agent: u32::MAX, rank: u32::MAX };
    let mut members = vec![nobody; roster.len()].into_boxed_slice();
    for (rank, (id, place)) in (0..).zip(by_id) {
        let line = usize::try_from(place).ok().and_then(|place| members.get_mut(place));
        if let Some(line) = line {
            *line = Member { agent: agents.get(id).copied().unwrap_or(u32::MAX), rank };
        }
    }
    members
}

fn ascending(members: &[Member]) -> Box<[u32]> {
    let mut places: Vec<u32> = members.iter().map(|member| member.agent).filter(|place| *place < u32::MAX).collect();
    places.sort_unstable();
    places.into_boxed_slice()
}

fn count(rules: &Rules) -> [usize; 3] {
    [rules.brands.len(), rules.agents.len(), rules.numbers.len()]
}

/// What stands at the place, if it still is what was looked for; else the list is looked through.
fn checked<T>(list: &[T], place: Option<u32>, is_whole: bool, is_it: impl Fn(&T) -> bool) -> Option<&T> {
    let found = place.and_then(|place| list.get(usize::try_from(place).ok()?)).filter(|found| is_it(found));
    if found.is_some() || (place.is_none() && is_whole) { found } else { list.iter().find(|item| is_it(item)) }
}

impl Rules {
    fn places(&self) -> &Places {
        self.index.0.get_or_init(|| Places::of(self))
    }

    /// Makes the index now, so that no caller waits for it.
    pub fn warm_up(&self) {
        self.places();
    }

    /// The brand of that name.
    #[must_use]
    pub fn brand(&self, id: &BrandId) -> Option<&Brand> {
        let places = self.places();
        let is_whole = places.counted == count(self);
        checked(&self.brands, places.brands.get(id).copied(), is_whole, |brand| brand.id == *id)
    }

    /// The agent of that name.
    #[must_use]
    pub fn agent(&self, id: &AgentId) -> Option<&Agent> {
        let places = self.places();
        let is_whole = places.counted == count(self);
        checked(&self.agents, places.agents.get(id).copied(), is_whole, |agent| agent.id == *id)
    }

    /// The agent whose phone this is.
    #[must_use]
    pub fn agent_of_phone(&self, phone: &PhoneNumber) -> Option<&Agent> {
        let places = self.places();
        let is_whole = places.counted == count(self);
        checked(&self.agents, places.phones.get(phone).copied(), is_whole, |agent| agent.phone == *phone)
    }

    /// What is said of one of our numbers.
    #[must_use]
    pub fn number(&self, number: &PhoneNumber) -> Option<&Number> {
        let places = self.places();
        let is_whole = places.counted == count(self);
        checked(&self.numbers, places.numbers.get(number).copied(), is_whole, |ours| ours.number == *number)
    }

    /// The lines of a brand's roster, in its order; empty if the brand is none of these rules.
    #[must_use]
    pub fn members(&self, brand: &Brand) -> &[Member] {
        let places = self.places();
        let place = places.brands.get(&brand.id).and_then(|place| usize::try_from(*place).ok());
        place.and_then(|place| places.rosters.get(place)).map_or(&[], |members| members)
    }

    /// The agents on a brand's roster, by their places in [`Rules::agents`], ascending; none if the brand is none of these
    /// rules.
    #[must_use]
    pub fn places_on_roster(&self, brand: &Brand) -> &[u32] {
        let places = self.places();
        let place = places.brands.get(&brand.id).and_then(|place| usize::try_from(*place).ok());
        place.and_then(|place| places.on_roster.get(place)).map_or(&[], |places| places)
    }

    /// The agent of that name, and where in [`Rules::agents`].
    #[must_use]
    pub fn agent_with_place(&self, id: &AgentId) -> Option<(u32, &Agent)> {
        let place = self.places().agents.get(id).copied()?;
        let agent = self.agents.get(usize::try_from(place).ok()?)?;
        (agent.id == *id).then_some((place, agent))
    }

    /// Whether the policy allows to dial the agent of a line of a roster.
    #[must_use]
    pub fn may_dial(&self, member: Member, agent: &Agent, policy: &DestinationPolicy) -> bool {
        let verdict = usize::try_from(member.agent).ok().and_then(|place| self.places().verdicts.get(place));
        verdict.map_or_else(|| policy.allows(&agent.phone), |verdict| policy.allows_kept(&agent.phone, verdict))
    }

    /// The agent of a line of a roster, and what decides about them, if it is the one named `id`.
    #[must_use]
    pub fn agent_of_member(&self, member: Member, id: &AgentId) -> Option<(&Agent, &Traits)> {
        let traits = self.places().traits.find(member.agent, id)?;
        Some((self.agents.get(usize::try_from(member.agent).ok()?)?, traits))
    }

    /// What an intent asks of an agent.
    #[must_use]
    pub fn wanted<'a>(&self, intent: Option<&'a Intent>) -> Wanted<'a> {
        self.places().traits.wanted(intent)
    }

    /// Who is on shift for a call to a brand in that zone.
    #[must_use]
    pub fn shifts_at(&self, brand_zone: Tz, arrived_at: DateTime<Utc>) -> ShiftsAt<'_> {
        self.places().traits.shifts_at(self, brand_zone, arrived_at)
    }
}

#[cfg(test)]
mod tests {
    use crate::ids::AgentId;
    use crate::rules::file;

    #[test]
    fn everything_is_found_also_after_a_change() {
        let mut rules = file::parse("routing.toml", include_str!("../../examples/routing.toml")).unwrap();
        for brand in &rules.brands {
            assert_eq!(rules.brand(&brand.id), Some(brand));
            let members = rules.members(brand);
            assert_eq!(members.len(), brand.roster.len());
            let on_roster = rules.places_on_roster(brand);
            assert!(on_roster.is_sorted() && on_roster.len() == brand.roster.len());
            for (one, id) in members.iter().zip(&brand.roster) {
                let (place, agent) = rules.agent_with_place(id).unwrap();
                assert!(agent.id == *id && on_roster.contains(&place));
                assert_eq!(rules.agent_of_member(*one, id).unwrap().0.id, *id);
                for (other, its) in members.iter().zip(&brand.roster) {
                    assert_eq!(one.rank.cmp(&other.rank), id.cmp(its));
                }
            }
        }
        for agent in &rules.agents {
            assert_eq!(rules.agent(&agent.id), Some(agent));
            assert_eq!(rules.agent_of_phone(&agent.phone), Some(agent));
        }
        for number in &rules.numbers {
            assert_eq!(rules.number(&number.number), Some(number));
        }
        assert_eq!(rules.agent(&AgentId::new("nobody")), None);
        let last = rules.agents.pop().unwrap();
        assert_eq!(rules.agent(&last.id), None);
        let first = rules.agents.remove(0);
        rules.agents.push(first.clone());
        assert_eq!(rules.agent(&first.id), Some(&first));
        assert_eq!(rules.clone(), rules);
    }
}
