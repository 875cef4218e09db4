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
/// Agents of all rosters of one size, and agents looked at in a turn.
const AGENTS: u32 = 10_000;

/// One brand's agents and what is known of them.
struct Floor {
    rules: Rules,
    facts: Vec<AgentFacts>,
}

/// Rosters of one size.
struct Size {
    floors: Vec<Floor>,
    destinations: DestinationPolicy,
    /// How often each is asked in a turn.
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
        })
    }
}

impl Size {
    /// So many rosters of so many agents, each asked so often a turn.
    fn new(
        agents: u32,
        rosters: u32,
        times: u32,
        is_everybody_eligible: bool,
        at: DateTime<Utc>,
    ) -> anyhow::Result<Self> {
        let numbers = (0..rosters).map(|roster| roster * agents..(roster + 1) * agents);
        let floors = numbers.map(|numbers| Floor::new(numbers, is_everybody_eligible, at)).collect::<Result<_, _>>()?;
        let size = Self { floors, destinations: DestinationPolicy::new(["US"], [], []), times, took: Vec::new() };
        let eligible = if is_everybody_eligible { agents } else { agents / 100 };
        for floor in &size.floors {
            let list = take_shortlist(&floor.question(&size.destinations, at)?, |_| Earlier::Nothing);
            let found = u32::try_from(list.ring.len() + list.later.len())?;
            ensure!(found == eligible, "{found} agents are eligible instead of {eligible}");
        }
        Ok(size)
    }

    fn take_turn(&mut self, at: DateTime<Utc>) -> anyhow::Result<()> {
        let questions: Result<Vec<_>, _> =
            self.floors.iter().map(|floor| floor.question(&self.destinations, at)).collect();
        let questions = questions?;
        let began = Instant::now();
        for _ in 0..self.times {
            for question in &questions {
                black_box(take_shortlist(black_box(question), |_| Earlier::Nothing));
            }
        }
        let taken = self.times * u32::try_from(questions.len())?;
        let took = began.elapsed().as_secs_f64() * 1_000_000.0 / f64::from(taken);
        self.took.push(took);
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

/// Rosters of 50, of 100 and of 10,000, and what a single roster of 100 asked again and again makes of the growth.
pub(super) fn figures() -> anyhow::Result<(Vec<Figure>, String)> {
    // A Wednesday on which everybody is on shift.
    let at = DateTime::from_timestamp(1_795_626_000, 0).context("that is an instant")?;
    let mut sizes = Vec::new();
    for (agents, rosters, times, is_everybody_eligible) in [
        (50, AGENTS / 50, 1, true),
        (100, AGENTS / 100, 1, true),
        (100, 1, AGENTS / 100, true),
        (AGENTS, 1, 1, true),
        (100, AGENTS / 100, 1, false),
        (100, 1, AGENTS / 100, false),
        (AGENTS, 1, 1, false),
    ] {
        sizes.push(Size::new(agents, rosters, times, is_everybody_eligible, at)?);
    }
    for _ in 0..ROUNDS {
        for size in &mut sizes {
            size.take_turn(at)?;
        }
    }
    let took: Vec<f64> = sizes.iter().map(Size::median).collect();
    let [fifty, all, all_again, all_large, few, few_again, few_large] = took.as_slice() else {
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
