//! Surges, played with each way of sharing the phones: which answers most callers? The result stands in
//! docs/sharing.md.

use std::fmt::Write as _;

use super::surge_policy::{Floor, Policy};
use super::surge_world::{Surge, Tally, play};

/// Calls for each agent who is free when the surge begins.
const LOADS: [f64; 4] = [0.5, 1.0, 2.0, 4.0];
/// Agents free at the beginning.
const AGENTS: u32 = 10;
/// The carrier's pace, in legs a second: what a new account has, and what a larger one asks for.
const PACES: [u64; 2] = [1, 10];

/// Surges of each kind in the table.
pub const SURGES: u64 = 300;

/// One line of the table.
#[derive(Debug, Clone)]
pub struct Row {
    /// Legs a second.
    pub pace: u64,
    /// Calls for each free agent.
    pub load: f64,
    /// The word for the policy.
    pub policy: &'static str,
    /// Share of calls answered, in percent.
    pub answer_rate: f64,
    /// Mean time to answer of those answered, in seconds.
    pub mean_s: f64,
    /// Nine of ten were answered within so many seconds.
    pub p90_s: f64,
    /// Phones that rang for each answered call.
    pub rung: f64,
}

/// Plays `surges` surges for each pace, load and policy, the same callers for each policy.
///
/// # Errors
/// When the rules of the surge cannot be written.
pub fn compare(surges: u64) -> anyhow::Result<Vec<Row>> {
    let floor = Floor::new(AGENTS)?;
    let mut rows = Vec::new();
    for pace in PACES {
        for load in LOADS {
            for policy in Policy::ALL {
                let surge = Surge {
                    agents: usize::try_from(AGENTS).unwrap_or(0),
                    calls: load * f64::from(AGENTS),
                    pace_ms: 1_000 / pace,
                    policy,
                };
                let mut tally = Tally::default();
                (1..=surges).for_each(|seed| play(surge, &floor, seed, &mut tally));
                rows.push(row(pace, load, policy, tally));
            }
        }
    }
    Ok(rows)
}

fn row(pace: u64, load: f64, policy: Policy, mut tally: Tally) -> Row {
    tally.waits_ms.sort_unstable();
    let answered = f64::from(tally.answered.max(1));
    let total: f64 = tally.waits_ms.iter().map(|ms| seconds(*ms)).sum();
    let p90 = tally.waits_ms.get(tally.waits_ms.len() * 9 / 10).copied().unwrap_or(0);
    Row {
        pace,
        load,
        policy: policy.as_str(),
        answer_rate: 100.0 * f64::from(tally.answered) / f64::from(tally.calls.max(1)),
        mean_s: total / answered,
        p90_s: seconds(p90),
        rung: f64::from(tally.rung) / answered,
    }
}

fn seconds(ms: u64) -> f64 {
    std::time::Duration::from_millis(ms).as_secs_f64()
}

/// The table of docs/sharing.md.
#[must_use]
pub fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "| legs a second | calls per free agent | policy | answered | mean time to answer | p90 | phones rung per answered call |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {:.1} % | {:.1} s | {:.1} s | {:.2} |",
            row.pace, row.load, row.policy, row.answer_rate, row.mean_s, row.p90_s, row.rung
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(rows: &[Row], pace: u64, load: f64, policy: &str) -> f64 {
        let found =
            rows.iter().find(|row| row.pace == pace && row.load.total_cmp(&load).is_eq() && row.policy == policy);
        found.unwrap().answer_rate
    }

    #[test]
    fn an_even_split_answers_more_callers_than_first_come_at_every_load() {
        let rows = compare(60).unwrap();
        assert_eq!(rows.len(), PACES.len() * LOADS.len() * Policy::ALL.len());
        for pace in PACES {
            for load in LOADS {
                let (first, even) = (rate(&rows, pace, load, "first_come"), rate(&rows, pace, load, "even_split"));
                assert!(even > first + 3.0, "{pace} legs a second, {load} calls per agent: {even} and {first}");
            }
        }
    }

    #[test]
    fn the_same_surges_are_told_the_same_way() {
        assert_eq!(table(&compare(3).unwrap()), table(&compare(3).unwrap()));
    }
}
