//! A copy of rules that shares no memory with them.
//!
//! Names and numbers are shared by whoever copies them, so a plain copy keeps what it was copied from in place, piece by
//! piece among all that was needed to read it.

use std::collections::HashMap;
use std::hash::Hash;

use super::{Brand, Path, PathKind, Rules};
use crate::ids::{AgentId, BrandId, HolidayListId, IntentId, SupervisorId};
use crate::phone_number::PhoneNumber;

impl Rules {
    /// The same rules in memory of their own; each name is there once, however often it stands.
    #[must_use]
    pub fn copy_apart(&self) -> Self {
        let mut rules = self.clone();
        let mut names = Names::default();
        for agent in &mut rules.agents {
            names.agents.renew(&mut agent.id);
            agent.phone = agent.phone.copy_apart();
        }
        for list in &mut rules.holidays {
            names.lists.renew(&mut list.id);
        }
        for brand in &mut rules.brands {
            names.renew_brand(brand);
        }
        for number in &mut rules.numbers {
            number.number = number.number.copy_apart();
            names.brands.renew(&mut number.brand);
            number.intent.iter_mut().for_each(|intent| names.intents.renew(intent));
        }
        for supervisor in &mut rules.supervisors {
            supervisor.id = SupervisorId::new(supervisor.id.as_str());
            supervisor.brands.iter_mut().for_each(|brand| names.brands.renew(brand));
        }
        rules
    }
}

/// New names by old ones.
struct Renewed<T>(HashMap<T, T>);

impl<T> Default for Renewed<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

trait Name: Clone + Eq + Hash {
    fn again(&self) -> Self;
}

macro_rules! names {
    ($($name:ident),+) => {$(
        impl Name for $name {
            fn again(&self) -> Self {
                Self::new(self.as_str())
            }
        }
    )+};
}

names!(AgentId, BrandId, HolidayListId, IntentId);

impl<T: Name> Renewed<T> {
    fn renew(&mut self, name: &mut T) {
        *name = self.0.entry(name.clone()).or_insert_with_key(Name::again).clone();
    }
}

#[derive(Default)]
struct Names {
    agents: Renewed<AgentId>,
    brands: Renewed<BrandId>,
    intents: Renewed<IntentId>,
    lists: Renewed<HolidayListId>,
}

impl Names {
    fn renew_brand(&mut self, brand: &mut Brand) {
        self.brands.renew(&mut brand.id);
        brand.roster.iter_mut().for_each(|agent| self.agents.renew(agent));
        brand.calendar.holidays.iter_mut().for_each(|list| self.lists.renew(list));
        for intent in &mut brand.intents {
            self.intents.renew(&mut intent.id);
            intent.fallback.iter_mut().for_each(renew_path);
        }
        if let Some(menu) = &mut brand.menu {
            self.intents.renew(&mut menu.default);
            menu.options.iter_mut().for_each(|option| self.intents.renew(&mut option.intent));
        }
        let closed = &mut brand.after_hours;
        renew_path(&mut closed.path);
        let kinds = [&mut closed.holiday, &mut closed.special_day, &mut closed.closed_until];
        kinds.into_iter().flatten().for_each(renew_path);
        renew_path(&mut brand.fallback);
        for number in brand.operator.iter_mut().map(|line| &mut line.number).chain(&mut brand.emergency_numbers) {
            *number = number.copy_apart();
        }
    }
}

fn renew_path(path: &mut Path) {
    if let PathKind::Number { number } = &mut path.kind {
        *number = PhoneNumber::copy_apart(number);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use crate::rules::generated::rules;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 50, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_copy_apart_says_the_same_and_shares_no_name(rules in rules()) {
            let copy = rules.copy_apart();
            prop_assert_eq!(&copy, &rules);
            // Every name of the copy is a new one: whoever holds the old ones are the old rules alone.
            let held = |rules: &crate::rules::Rules| -> Vec<usize> {
                let agents = rules.agents.iter().map(|agent| Arc::strong_count(&agent.id.0));
                let brands = rules.brands.iter().map(|brand| Arc::strong_count(&brand.id.0));
                let rosters = rules.brands.iter().flat_map(|brand| &brand.roster).map(|agent| Arc::strong_count(&agent.0));
                agents.chain(brands).chain(rosters).collect()
            };
            let before = held(&rules);
            drop(copy);
            prop_assert_eq!(held(&rules), before);
        }
    }
}
