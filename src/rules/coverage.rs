//! Open hours in which nobody would ring.

use std::collections::HashMap;
use std::ops::Range;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use super::{Agent, Brand, Intent, Rules, calendar, shifts};
use crate::ids::AgentId;

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

type Stretches = Vec<Range<DateTime<Utc>>>;

/// When agents work within a span: each is looked up once, however many rosters they are on.
pub struct Sheet<'r> {
    rules: &'r Rules,
    span: Range<DateTime<Utc>>,
    /// By agent and the zone of their shift, in order and apart; none for one who always works.
    shifts: HashMap<(&'r AgentId, Tz), Option<Stretches>>,
}

impl<'r> Sheet<'r> {
    /// From `from` on for so many times 24 hours.
    #[must_use]
    pub fn new(rules: &'r Rules, from: DateTime<Utc>, days: u16) -> Self {
        let end = from.checked_add_signed(TimeDelta::days(i64::from(days))).unwrap_or(from);
        Self { rules, span: from..end, shifts: HashMap::new() }
    }

    /// The open hours of the brand that nobody covers.
    ///
    /// Members of its roster with a verified phone cover their shifts, for an intent only those with its skill if it asks for
    /// one. Whoever is off by choice, or paused, is on shift all the same. The gaps are in order, apart from each other, and
    /// exact.
    pub fn gaps(&mut self, brand: &Brand, intent: Option<&Intent>) -> Vec<Gap> {
        let Self { rules, span, shifts } = self;
        let rules: &'r Rules = rules;
        let mut bare: Vec<_> = calendar::open_stretches(brand, rules, span.clone()).collect();
        let skill = intent.and_then(|intent| intent.skill.as_ref());
        let can_ring = |agent: &&Agent| agent.phone_verified && skill.is_none_or(|skill| agent.skills.contains(skill));
        for agent in brand.roster.iter().filter_map(|id| rules.agent(id)).filter(can_ring) {
            if bare.is_empty() {
                break;
            }
            let zone = agent.time_zone.unwrap_or(brand.time_zone);
            let covered = shifts
                .entry((&agent.id, zone))
                .or_insert_with(|| Some(shifts::stretches(agent, zone, span.clone())?.collect()));
            let Some(covered) = covered else {
                return Vec::new();
            };
            bare = subtract(&bare, covered.iter().cloned());
        }
        bare.into_iter().map(|bare| Gap { from: bare.start, until: bare.end }).collect()
    }

    /// The open hours of the brand that nobody covers, for any call and for calls of each intent.
    pub fn uncovered(&mut self, brand: &'r Brand) -> Uncovered<'r> {
        let all = self.gaps(brand, None);
        // Intents that ask for one skill are covered by the same people.
        let mut by_skill: HashMap<&str, Vec<Gap>> = HashMap::new();
        let of_intent = |intent: &'r Intent| {
            let own = match intent.skill.as_deref() {
                None => all.clone(),
                Some(skill) => by_skill.entry(skill).or_insert_with(|| self.gaps(brand, Some(intent))).clone(),
            };
            (intent, own)
        };
        let intents = brand.intents.iter().map(of_intent).collect();
        Uncovered { brand, gaps: all, intents }
    }
}

/// What of a brand's open hours nobody covers, for any call and for calls of each intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uncovered<'r> {
    /// The brand.
    pub brand: &'r Brand,
    /// As [`Sheet::gaps`] for no intent.
    pub gaps: Vec<Gap>,
    /// As [`Sheet::gaps`] for each of its intents, in their order; the same as above for one that asks for no skill.
    pub intents: Vec<(&'r Intent, Vec<Gap>)>,
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
