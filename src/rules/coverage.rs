//! Open hours in which nobody would ring.

use std::collections::HashMap;
use std::ops::Range;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Agent, Brand, Intent, Rules, calendar, shifts};

/// How far ahead lint looks. Source: DESIGN.md section 9.
pub const LINT_DAYS: u16 = 14;

/// A time in which the brand is open and nobody covers it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Gap {
    /// From.
    pub from: DateTime<Utc>,
    /// Until; not included.
    pub until: DateTime<Utc>,
}

/// The open hours of the brand, from `from` on for so many times 24 hours, that nobody covers.
///
/// Members of its roster with a verified phone cover their shifts, for an intent only those with its skill if it asks for
/// one. Whoever is off by choice, or paused, is on shift all the same. The gaps are in order, apart from each other, and
/// exact.
#[must_use]
pub fn gaps(rules: &Rules, brand: &Brand, intent: Option<&Intent>, from: DateTime<Utc>, days: u16) -> Vec<Gap> {
    let Some(end) = from.checked_add_signed(TimeDelta::days(i64::from(days))) else {
        return Vec::new();
    };
    let mut bare: Vec<_> = calendar::open_stretches(brand, rules, from..end).collect();
    let skill = intent.and_then(|intent| intent.skill.as_ref());
    let can_ring =
        |agent: &&Agent| agent.phone_verified && skill.is_none_or(|skill| agent.skills.contains(skill));
    for agent in brand.roster.iter().filter_map(|id| rules.agent(id)).filter(can_ring) {
        let (Some(first), Some(last)) = (bare.first(), bare.last()) else {
            break;
        };
        let Some(covered) = shifts::stretches(agent, brand.time_zone, first.start..last.end) else {
            return Vec::new();
        };
        bare = subtract(&bare, covered);
    }
    bare.into_iter().map(|bare| Gap { from: bare.start, until: bare.end }).collect()
}

/// What of a brand's open hours nobody covers, for any call and for calls of each intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uncovered<'r> {
    /// The brand.
    pub brand: &'r Brand,
    /// As [`gaps`] for no intent.
    pub gaps: Vec<Gap>,
    /// As [`gaps`] for each of its intents, in their order; the same as above for one that asks for no skill.
    pub intents: Vec<(&'r Intent, Vec<Gap>)>,
}

/// What of a brand's open hours nobody covers, as [`gaps`] tells it.
#[must_use]
pub fn uncovered<'r>(rules: &'r Rules, brand: &'r Brand, from: DateTime<Utc>, days: u16) -> Uncovered<'r> {
    let all = gaps(rules, brand, None, from, days);
    // Intents that ask for one skill are covered by the same people.
    let mut by_skill: HashMap<&str, Vec<Gap>> = HashMap::new();
    let of_intent = |intent: &'r Intent| {
        let own = match intent.skill.as_deref() {
            None => all.clone(),
            Some(skill) => by_skill.entry(skill).or_insert_with(|| gaps(rules, brand, Some(intent), from, days)).clone(),
        };
        (intent, own)
    };
    let intents = brand.intents.iter().map(of_intent).collect();
    Uncovered { brand, gaps: all, intents }
}

/// How long gaps are together.
#[must_use]
pub fn total(gaps: &[Gap]) -> TimeDelta {
    gaps.iter().fold(TimeDelta::zero(), |total, gap| total + (gap.until - gap.from))
}

/// What of `bare` is in none of `covered`; both are in order and apart, and so is the result.
fn subtract(
    bare: &[Range<DateTime<Utc>>],
    covered: impl Iterator<Item = Range<DateTime<Utc>>>,
) -> Vec<Range<DateTime<Utc>>> {
    let mut left = Vec::with_capacity(bare.len());
    let mut covered = covered.peekable();
    for piece in bare {
        let mut from = piece.start;
        while let Some(cover) = covered.next_if(|cover| cover.end <= piece.end) {
            if from < cover.start {
                left.push(from..cover.start);
            }
            from = from.max(cover.end);
        }
        // One that reaches beyond this piece may cover the next as well.
        let until = covered.peek().map_or(piece.end, |cover| cover.start.clamp(piece.start, piece.end));
        if from < until {
            left.push(from..until);
        }
    }
    left
}

#[cfg(test)]
#[path = "coverage_tests.rs"]
mod tests;
