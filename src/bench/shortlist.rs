//! How long it takes to say who rings, for rosters of several sizes, on this one thread.

use std::hint::black_box;
use std::ops::Range;
use std::time::Instant;

use anyhow::{Context, ensure};
use chrono::{DateTime, TimeDelta, Utc};

use super::Figure;
use super::company::one_brand;
use super::load::median;
use crate::ids::CallId;
use crate::rules::{DestinationPolicy, Rules};
use crate::shortlist::facts::{AgentFacts, LiveLeg, Presence};
use crate::shortlist::{Earlier, Question, take_shortlist};

/// Rounds, in each of which every size has its turn.
const ROUNDS: u32 = 201;
/// Agents of the large roster.
const LARGE: u32 = 10_000;
/// How often a roster is asked in a turn that asks it again and again.
const AGAIN: u32 = 100;

/// One brand's agents and what is known of them.
struct Floor {
    rules: Rules,
    facts: Vec<AgentFacts>,
}

/// A roster of one size.
struct Size {
    floor: Floor,
    destinations: DestinationPolicy,
    /// How often it is asked in a turn.
    times: u32,
    /// Microseconds that one shortlist took, turn by turn.
    took: Vec<f64>,
}

impl Floor {
    /// All are eligible, or one in a hundred.
    fn new(numbers: Range<u32>, is_everybody_eligible: bool, at: DateTime<Utc>) -> anyhow::Result<Self> {
        let rules = one_brand(usize::try_from(numbers.start)?..usize::try_from(numbers.end)?)?;
        let roster = &rules.brands.first().context("the company has a brand")?.roster;
        let facts = roster.iter().zip(numbers).map(|(agent, number)| {
            let known = AgentFacts {
                presence: Presence::Online,
                presence_at: Some(at - TimeDelta::seconds(3)),
                // Turns in no order of the roster.
                last_offered_at: Some(at - TimeDelta::seconds(i64::from(number) * 7_919 % 86_400)),
                open_conversations: number % 5,
                open_conversations_at: Some(at - TimeDelta::seconds(40)),
                passed_over: number % 3,
                ..AgentFacts::unknown(agent.clone())
            };
            if is_everybody_eligible || number % 100 == 0 { known } else { keep_away(known, number, at) }
        });
        let facts = facts.collect();
        Ok(Self { facts, rules })
    }

    fn question<'a>(&'a self, destinations: &'a DestinationPolicy, at: DateTime<Utc>) -> anyhow::Result<Question<'a>> {
        let brand = self.rules.brands.first().context("the company has a brand")?;
        Ok(Question {
            rules: &self.rules,
            rules_version: 1,
            in_force: None,
            destinations,
            brand,
            intent: brand.intents.first(),
            facts: &self.facts,
            arrived_at: at,
            at,
            width: brand.width(),
            ringing: 0,
            call: None,
            waiting: &[],
        })
    }
}

impl Size {
    /// A roster of so many agents, asked so often a turn.
    fn new(agents: u32, times: u32, is_everybody_eligible: bool, at: DateTime<Utc>) -> anyhow::Result<Self> {
        let floor = Floor::new(0..agents, is_everybody_eligible, at)?;
        let size = Self { floor, destinations: DestinationPolicy::new(["US"], [], []), times, took: Vec::new() };
        let eligible = if is_everybody_eligible { agents } else { agents / 100 };
        let list = take_shortlist(&size.floor.question(&size.destinations, at)?, |_| Earlier::Nothing);
        let found = u32::try_from(list.ring.len() + list.later.len())?;
        ensure!(found == eligible, "{found} agents are eligible instead of {eligible}");
        Ok(size)
    }

    fn take_turn(&mut self, at: DateTime<Utc>) -> anyhow::Result<()> {
        let question = self.floor.question(&self.destinations, at)?;
        let began = Instant::now();
        for _ in 0..self.times {
            black_box(take_shortlist(black_box(&question), |_| Earlier::Nothing));
        }
        self.took.push(began.elapsed().as_secs_f64() * 1_000_000.0 / f64::from(self.times));
        Ok(())
    }

    /// Microseconds, those of the first turn left out.
    fn median(&self) -> f64 {
        median(self.took.iter().skip(1).copied().collect())
    }
}

/// One reason a turn why an agent does not ring.
fn keep_away(facts: AgentFacts, number: u32, at: DateTime<Utc>) -> AgentFacts {
    let soon = Some(at + TimeDelta::seconds(9));
    let leg = |talking| Some(LiveLeg { call: CallId(uuid::Uuid::from_u128(1)), since: at, talking });
    match number % 5 {
        0 => AgentFacts { presence: Presence::Busy, ..facts },
        1 => AgentFacts { live_leg: leg(true), ..facts },
        2 => AgentFacts { live_leg: leg(false), ..facts },
        3 => AgentFacts { rests_until: soon, ..facts },
        _ => AgentFacts { paused_until: soon, ..facts },
    }
}

/// Rosters of 50, of 100 and of 10,000. Every turn asks each of them once, as a call does: between two calls to a brand
/// there is other work, and what it needs is no longer in the processor's caches. What a roster of 100 that is asked again
/// and again makes of the growth is told beside them.
pub(super) fn figures() -> anyhow::Result<(Vec<Figure>, String)> {
    // A Wednesday on which everybody is on shift.
    let at = DateTime::from_timestamp(1_795_626_000, 0).context("that is an instant")?;
    let mut sizes = Vec::new();
    for (agents, times, is_everybody_eligible) in [
        (50, 1, true),
        (100, 1, true),
        (LARGE, 1, true),
        (100, 1, false),
        (LARGE, 1, false),
        (100, AGAIN, true),
        (100, AGAIN, false),
    ] {
        sizes.push(Size::new(agents, times, is_everybody_eligible, at)?);
    }
    for _ in 0..ROUNDS {
        for size in &mut sizes {
            size.take_turn(at)?;
        }
        // Nobody always follows the same one.
        sizes.rotate_left(1);
    }
    let turned = usize::try_from(ROUNDS)? % sizes.len();
    sizes.rotate_right(turned);
    let took: Vec<f64> = sizes.iter().map(Size::median).collect();
    let [fifty, all, all_large, few, few_large, all_again, few_again] = took.as_slice() else {
        anyhow::bail!("a size is missing")
    };
    let figures = vec![
        Figure { name: "shortlist_50", value: *fifty, unit: "us" },
        Figure { name: "shortlist_10000", value: *all_large, unit: "us" },
        Figure { name: "shortlist_growth_all", value: all_large / all, unit: "ratio" },
        Figure { name: "shortlist_growth_one_percent", value: few_large / few, unit: "ratio" },
    ];
    let (all, few) = (all_large / all_again, few_large / few_again);
    let besides = format!("growth over one roster of 100 asked again and again: all {all:.0}, one percent {few:.0}");
    Ok((figures, besides))
}
