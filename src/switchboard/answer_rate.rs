//! Whether a brand's answer rate has collapsed, so that somebody may want to override. Never done by itself.
//!
//! Source: DESIGN.md section 8: "When the answer rate collapses, Offhook suggests it."

use chrono::{DateTime, TimeDelta, Utc};

use super::{Switchboard, SwitchboardError};
use crate::ids::BrandId;
use crate::store::AnswerCounts;

/// The rate of so long is looked at.
pub const RECENT: TimeDelta = TimeDelta::minutes(15);

/// It is compared with the rate of so long before.
pub const USUAL: TimeDelta = TimeDelta::days(7);

/// Fewer calls in [`RECENT`] say nothing.
pub const RECENT_CALLS_MIN: u32 = 5;

/// Fewer calls in [`USUAL`] are no habit; then half of all calls is expected to be answered.
pub const USUAL_CALLS_MIN: u32 = 20;

/// A brand's answer rate, far below what it usually is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Collapse {
    /// Calls of the last [`RECENT`].
    pub recent: AnswerCounts,
    /// The usual rate, 0 to 1.
    pub usual_rate: f64,
}

/// Whether the recent rate is below half of the usual one.
#[must_use]
pub fn find_collapse(recent: AnswerCounts, usual: AnswerCounts) -> Option<Collapse> {
    if recent.offered < RECENT_CALLS_MIN {
        return None;
    }
    let usual_rate = if usual.offered < USUAL_CALLS_MIN { 0.5 } else { rate(usual) };
    (rate(recent) < usual_rate / 2.0).then_some(Collapse { recent, usual_rate })
}

fn rate(counts: AnswerCounts) -> f64 {
    if counts.offered == 0 { 1.0 } else { f64::from(counts.answered) / f64::from(counts.offered) }
}

impl Switchboard {
    /// Looks at a brand's answer rate, and sets its figure `offhook_answer_rate_collapsed`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn look_at_answer_rate(
        &self,
        brand: &BrandId,
        now: DateTime<Utc>,
    ) -> Result<Option<Collapse>, SwitchboardError> {
        let recent = self.store.count_answers(brand, now - RECENT, now).await?;
        // A quiet brand is not worth the second question.
        let usual = if recent.offered < RECENT_CALLS_MIN {
            AnswerCounts::default()
        } else {
            self.store.count_answers(brand, now - RECENT - USUAL, now - RECENT).await?
        };
        let collapse = find_collapse(recent, usual);
        let figure = metrics::gauge!("offhook_answer_rate_collapsed", "brand" => brand.to_string());
        figure.set(if collapse.is_some() { 1.0 } else { 0.0 });
        Ok(collapse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(answered: u32, offered: u32) -> AnswerCounts {
        AnswerCounts { offered, answered }
    }

    #[test]
    fn a_rate_below_half_of_the_usual_is_a_collapse() {
        let cases = [
            ("as usual", counts(4, 5), counts(80, 100), false),
            ("exactly half", counts(2, 5), counts(80, 100), false),
            ("below half", counts(1, 5), counts(80, 100), true),
            ("nobody answers", counts(0, 9), counts(80, 100), true),
            ("too few to say", counts(0, 4), counts(80, 100), false),
            ("never answers", counts(0, 9), counts(0, 100), false),
            ("no habit yet, and few are answered", counts(1, 5), counts(0, 3), true),
            ("no habit yet, and enough are", counts(2, 5), counts(0, 3), false),
        ];
        for (name, recent, usual, collapsed) in cases {
            assert_eq!(find_collapse(recent, usual).is_some(), collapsed, "{name}");
        }
    }
}
