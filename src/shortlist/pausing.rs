//! When an agent who keeps missing calls is put aside, and when not.

use chrono::{DateTime, TimeDelta, Utc};

use super::Question;
use super::eligible::is_staffing;
use super::facts::AgentFacts;
use super::members::Roster;
use crate::ids::{AgentId, BrandId};
use crate::rules::{Brand, DestinationPolicy, Pausing, Rules};

/// So many agents of a brand are never put aside: one unanswered surge must not switch a brand off.
/// Source: DESIGN.md section 3, "Misses and the pause".
pub const AVAILABLE_MIN: usize = 2;

/// What follows from one more missed call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Miss {
    /// Nothing yet.
    Counted,
    /// The agent is put aside until then. `stay` are those whom that relies on: they are available, and the pause holds
    /// only if they still are when it is saved.
    Paused { until: DateTime<Utc>, stay: Vec<AgentId> },
    /// The agent would be put aside, and is one of the last the brand has.
    Spared,
}

/// Judges the miss of an agent who has now missed `misses` calls in a row. `is_aside` says who else is put aside by the
/// same decision; `is_needed` whether another brand relies on the agent.
#[must_use]
pub fn judge_miss(
    question: &Question<'_>,
    pausing: &Pausing,
    agent: &AgentId,
    misses: u32,
    is_needed: bool,
    is_aside: impl Fn(&AgentId) -> bool,
) -> Miss {
    if pausing.after_misses == 0 || misses < pausing.after_misses {
        return Miss::Counted;
    }
    // What the caller calls about is nothing to the brand's last two: whoever lacks the skill takes its other calls.
    let brand = Question { intent: None, ..*question };
    let stay = if is_needed { Vec::new() } else { find_staying(&brand, agent, is_aside) };
    if stay.len() >= AVAILABLE_MIN {
        let span = TimeDelta::from_std(pausing.span).unwrap_or(TimeDelta::MAX);
        return Miss::Paused { until: question.at.checked_add_signed(span).unwrap_or(DateTime::<Utc>::MAX_UTC), stay };
    }
    // Told once a series, not at every further miss.
    if misses.is_multiple_of(pausing.after_misses) { Miss::Spared } else { Miss::Counted }
}

/// The first two others who take the brand's calls now, `is_aside` left out.
#[must_use]
pub fn find_staying(question: &Question<'_>, agent: &AgentId, is_aside: impl Fn(&AgentId) -> bool) -> Vec<AgentId> {
    let roster = Roster::of(question);
    let others = roster.ids.iter().enumerate().filter(|(_, id)| *id != agent && !is_aside(id));
    let staffing = others.filter(|(place, id)| is_staffing(question, &roster.candidate(*place, id).0));
    staffing.take(AVAILABLE_MIN).map(|(_, id)| id.clone()).collect()
}

/// The other brands whose roster has the agent.
pub fn others_of<'r>(rules: &'r Rules, brand: &BrandId, agent: &AgentId) -> impl Iterator<Item = &'r Brand> {
    rules.brands.iter().filter(move |other| other.id != *brand && other.roster.contains(agent))
}

/// On whom a brand relies once the agent and `aside` are put aside: at most [`AVAILABLE_MIN`]. With fewer it needs the
/// agent. `facts` are about the members of its roster.
#[must_use]
pub fn find_staying_at(
    rules: &Rules,
    destinations: &DestinationPolicy,
    brand: &Brand,
    facts: &[AgentFacts],
    agent: &AgentId,
    aside: &[&AgentId],
    at: DateTime<Utc>,
) -> Vec<AgentId> {
    let question = Question {
        rules,
        rules_version: rules.version,
        in_force: None,
        destinations,
        brand,
        intent: None,
        facts,
        arrived_at: at,
        at,
        width: 0,
        ringing: 0,
        call: None,
        waiting: &[],
    };
    find_staying(&question, agent, |other| aside.contains(&other))
}
