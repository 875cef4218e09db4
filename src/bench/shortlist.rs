//! How long it takes to say who rings, for rosters of several sizes, on this one thread.

use std::hint::black_box;
use std::ops::Range;
use std::time::Instant;

use anyhow::{Context, ensure};
use chrono::{DateTime, TimeDelta, Utc};

use super::Figure;
use super::company::one_brand;
use super::load::median;
use crate::ids::{AgentId, CallId};
use crate::rules::{DestinationPolicy, Rules};
use crate::shortlist::facts::{AgentFacts, Asked, LiveLeg, Presence, WaitingCall};
use crate::shortlist::{Earlier, Question, take_shortlist};

/// Rounds, in each of which every size has its turn.
const ROUNDS: u32 = 201;
/// Brands of fifty agents, asked one after the other: no roster is asked twice in a row, as in a service with many.
const BRANDS: u32 = 20;
/// Agents of the large roster.
const LARGE: u32 = 10_000;
/// How often a roster is asked in a turn that asks it again and again: the small one, the large one.
const AGAIN: u32 = 100;
const AGAIN_LARGE: u32 = 3;
/// Calls that wait besides, and agents whom each has asked.
const RIVALS: u32 = 20;
const ASKED: u32 = 3;

/// One brand's agents and what is known of them.
struct Floor {
    rules: Rules,
    facts: Vec<AgentFacts>,
}

/// A roster of one size.
struct Size {
    floor: Floor,
    destinations: DestinationPolicy,
    waiting: Vec<WaitingCall>,
    /// How often it is asked in a turn; if more than once, once more before the time is taken.
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

    /// Calls to the same brand about the same, who have asked some agents each.
    fn rivals(&self, at: DateTime<Utc>) -> anyhow::Result<Vec<WaitingCall>> {
        let brand = self.rules.brands.first().context("the company has a brand")?;
        let intent = brand.intents.first().map(|intent| intent.id.clone());
        let agents = |number: u32| {
            let from = usize::try_from(number * ASKED).unwrap_or(0);
            let mut agents: Vec<AgentId> =
                brand.roster.iter().cycle().skip(from).take(usize::try_from(ASKED).unwrap_or(0)).cloned().collect();
            agents.sort_unstable();
            agents
        };
        let rival = |number| WaitingCall {
            call: CallId(uuid::Uuid::from_u128(u128::from(number) + 2)),
            brand: brand.id.clone(),
            intent: intent.clone(),
            arrived_at: at,
            asked: Asked { agents: agents(number), first_offered_at: Some(at), ..Asked::default() },
        };
        Ok((0..RIVALS).map(rival).collect())
    }
}

impl Size {
    /// A roster of so many agents, asked so often a turn.
    fn new(agents: u32, times: u32, is_everybody_eligible: bool, at: DateTime<Utc>) -> anyhow::Result<Self> {
        let floor = Floor::new(0..agents, is_everybody_eligible, at)?;
        let destinations = DestinationPolicy::new(["US"], [], []);
        let size = Self { floor, destinations, waiting: Vec::new(), times, took: Vec::new() };
        let eligible = if is_everybody_eligible { agents } else { agents / 100 };
        let list = take_shortlist(&size.floor.question(&size.destinations, at)?, |_| Earlier::Nothing);
        let found = u32::try_from(list.ring.len() + list.later.len())?;
        ensure!(found == eligible, "{found} agents are eligible instead of {eligible}");
        Ok(size)
    }

    /// The same among others who wait.
    fn shared(self, at: DateTime<Utc>) -> anyhow::Result<Self> {
        let size = Self { waiting: self.floor.rivals(at)?, ..self };
        let question = size.question(at)?;
        let left =
            take_shortlist(&question, |_| Earlier::Nothing).record.agents.iter().filter(|one| one.is_left).count();
        ensure!(left > 0, "nothing was left to the others");
        Ok(size)
    }

    /// Among others who wait the brand's whole roster may ring: the deal is longest then.
    fn question(&self, at: DateTime<Utc>) -> anyhow::Result<Question<'_>> {
        let question = self.floor.question(&self.destinations, at)?;
        let width = if self.waiting.is_empty() { question.width } else { u32::MAX };
        Ok(Question { waiting: &self.waiting, width, ..question })
    }

    fn take_turn(&mut self, at: DateTime<Utc>) -> anyhow::Result<()> {
        let question = self.question(at)?;
        if self.times > 1 {
            black_box(take_shortlist(black_box(&question), |_| Earlier::Nothing));
        }
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

/// Microseconds of one shortlist of fifty, all eligible: the median over brands that are asked in turn.
fn take_fifties(at: DateTime<Utc>) -> anyhow::Result<f64> {
    let mut brands: Vec<Size> = (0..BRANDS).map(|_| Size::new(50, 1, true, at)).collect::<anyhow::Result<_>>()?;
    for _ in 0..ROUNDS {
        for brand in &mut brands {
            brand.take_turn(at)?;
        }
    }
    Ok(median(brands.iter().map(Size::median).collect()))
}

/// Rosters of 100 and of 10,000, turn by turn. For the growth each is asked several times in a turn, once before the
/// time is taken, so that the small one is not made slow by what the caches have lost meanwhile. The shared ones and the
/// large one are timed once a turn, after the others have emptied the caches.
pub(super) fn figures() -> anyhow::Result<(Vec<Figure>, String)> {
    // A Wednesday on which everybody is on shift.
    let at = DateTime::from_timestamp(1_795_626_000, 0).context("that is an instant")?;
    let mut sizes = vec![Size::new(50, 1, true, at)?.shared(at)?, Size::new(LARGE, 1, true, at)?.shared(at)?];
    for (agents, times, is_everybody_eligible) in [
        (100, 1, true),
        (LARGE, 1, true),
        (100, 1, false),
        (LARGE, 1, false),
        (100, AGAIN, true),
        (LARGE, AGAIN_LARGE, true),
        (100, AGAIN, false),
        (LARGE, AGAIN_LARGE, false),
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
    let [shared, shared_large, once, once_large, few_once, few_once_large, all, all_large, few, few_large] =
        took.as_slice()
    else {
        anyhow::bail!("a size is missing")
    };
    let figures = vec![
        Figure { name: "shortlist_50", value: take_fifties(at)?, unit: "us" },
        Figure { name: "shortlist_50_shared", value: *shared, unit: "us" },
        Figure { name: "shortlist_10000", value: *once_large, unit: "us" },
        Figure { name: "shortlist_10000_shared", value: *shared_large, unit: "us" },
        Figure { name: "shortlist_growth_all", value: all_large / all, unit: "ratio" },
        Figure { name: "shortlist_growth_one_percent", value: few_large / few, unit: "ratio" },
    ];
    let (all, few) = (once_large / once, few_once_large / few_once);
    let besides = format!("growth where each is asked once a turn: all {all:.0}, one percent {few:.0}");
    Ok((figures, besides))
}
