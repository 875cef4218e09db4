//! In which order eligible agents stand: round robin, pushed back by their open conversations.

use std::cmp::Reverse;

use super::facts::AgentFacts;

/// Sorts eligible agents, first to ring first.
///
/// Agents stand in the order of least recently offered. Each open conversation pushes one back by `queue_bias` places,
/// at most half the roster; each offer an agent was passed over for takes one place off. Ties: least recently offered,
/// then id. Source: DESIGN.md section 3, "Order".
pub fn sort_by_turn(eligible: &mut [&AgentFacts], queue_bias: u32) {
    eligible.sort_by(|a, b| a.last_offered_at.cmp(&b.last_offered_at).then_with(|| a.agent.cmp(&b.agent)));
    if queue_bias == 0 {
        return;
    }
    let most = eligible.len() / 2;
    let mut placed: Vec<(i64, usize, &AgentFacts)> = eligible
        .iter()
        .enumerate()
        .map(|(turn, facts)| {
            let bias = usize::try_from(facts.open_conversations.saturating_mul(queue_bias)).unwrap_or(usize::MAX);
            let waited = usize::try_from(facts.passed_over).unwrap_or(usize::MAX);
            let pushed = bias.min(most).saturating_sub(waited);
            (i64::try_from(turn + pushed).unwrap_or(i64::MAX), turn, *facts)
        })
        .collect();
    // Where two land on one place, the one who was pushed less far was there first.
    placed.sort_by_key(|(place, turn, _)| (*place, Reverse(*turn)));
    for (slot, (_, _, facts)) in eligible.iter_mut().zip(placed) {
        *slot = facts;
    }
}
