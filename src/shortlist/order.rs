//! In which order eligible agents stand: round robin, pushed back by their open conversations.

use super::facts::AgentFacts;

/// An eligible agent in line.
#[derive(Debug, Clone, Copy)]
pub struct Standing<'a> {
    /// Who, with the numbers that decide.
    pub facts: &'a AgentFacts,
    /// How many of those in question have a smaller id.
    pub rank: u32,
    /// The place by turn alone, from 0.
    pub turn: u32,
    /// Places pushed back by open conversations, what was passed over taken off.
    pub pushed: u32,
    /// Whether the phone is left to another call that waits.
    pub is_left: bool,
    /// Last offered, in microseconds; whoever never was comes first.
    offered: i64,
}

impl<'a> Standing<'a> {
    /// Not in line yet.
    #[must_use]
    pub fn new(facts: &'a AgentFacts, rank: u32) -> Self {
        let offered = facts.last_offered_at.map_or(i64::MIN, |at| at.timestamp_micros());
        Self { facts, rank, turn: 0, pushed: 0, is_left: false, offered }
    }
}

/// Puts eligible agents in line, first to ring first. `roster` is how many members the brand has.
///
/// Agents stand in the order of least recently offered, then of id: that is the turn. Each open conversation pushes one
/// back by `queue_bias` places behind whoever stands there by turn, at most by half the roster; each offer an agent was
/// passed over for takes one place off. Of those pushed to the same place, the one whose turn comes first is first.
/// Source: DESIGN.md section 3, "Order".
///
/// Nobody waits for ever: each offer that passes an agent over takes a place off the push, until there is none; from
/// then on only those who were offered a call less recently stand before, and each of them leaves that place when rung.
pub fn sort_by_turn(eligible: &mut [Standing<'_>], queue_bias: u32, roster: usize) {
    eligible.sort_unstable_by_key(|standing| (standing.offered, standing.rank));
    let most = u32::try_from(roster / 2).unwrap_or(u32::MAX);
    let mut is_anybody_pushed = false;
    for (turn, standing) in (0..).zip(eligible.iter_mut()) {
        let bias = standing.facts.open_conversations.saturating_mul(queue_bias);
        standing.turn = turn;
        standing.pushed = bias.min(most).saturating_sub(standing.facts.passed_over);
        is_anybody_pushed |= standing.pushed > 0;
    }
    if is_anybody_pushed {
        // Stable: who lands on one place keeps the order of turns.
        eligible.sort_by_key(|standing| (standing.turn.saturating_add(standing.pushed), standing.pushed > 0));
    }
}
