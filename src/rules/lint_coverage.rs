//! Lint of open hours in which nobody could be rung.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use super::coverage::{self, Gap, LINT_DAYS};
use super::lint::{BrandPlace, Code, Findings};
use super::zone;

pub(super) fn look_at_coverage(findings: &mut Findings, place: &BrandPlace<'_>, at: DateTime<Utc>) {
    let BrandPlace { rules, brand, .. } = place;
    let gaps = coverage::gaps(rules, brand, None, at, LINT_DAYS);
    if !gaps.is_empty() {
        let why = if brand.roster.is_empty() { "nobody is on the roster" } else { "nobody on the roster covers it" };
        let message = format!("{why}: {}", told(&gaps, brand.time_zone));
        findings.add(Code::NoCoverage, place.at("roster"), message);
    }
    for (index, intent) in brand.intents.iter().enumerate().filter(|(_, intent)| intent.skill.is_some()) {
        let own = coverage::gaps(rules, brand, Some(intent), at, LINT_DAYS);
        // What nobody covers at all was told above, and a skill that nobody has is a finding of its own.
        let is_new = own != gaps
            && rules.agents.iter().any(|agent| {
                brand.roster.contains(&agent.id)
                    && intent.skill.as_ref().is_some_and(|skill| agent.skills.contains(skill))
            });
        if is_new {
            let message =
                format!("nobody with the skill of intent `{}` covers it: {}", intent.id, told(&own, brand.time_zone));
            findings.add(Code::NoCoverage, place.at(&format!("intent/{index}/skill")), message);
        }
    }
}

/// The first gap in words, and how many there are.
fn told(gaps: &[Gap], zone: Tz) -> String {
    let total = gaps.iter().fold(TimeDelta::zero(), |total, gap| total + (gap.until - gap.from));
    let hours = total.num_minutes().div_euclid(60);
    let minutes = total.num_minutes().rem_euclid(60);
    let wall = |at: DateTime<Utc>| {
        zone::wall(zone, at).unwrap_or_else(|| at.naive_utc()).format("%a %-d %b %H:%M").to_string()
    };
    let first = gaps.first().map(|gap| format!("{} to {}", wall(gap.from), wall(gap.until))).unwrap_or_default();
    let more = match gaps.len().saturating_sub(1) {
        0 => String::new(),
        1 => " and once more".to_owned(),
        more => format!(" and {more} more times"),
    };
    format!("{first}{more}, {hours} h {minutes} min of open time in the next {LINT_DAYS} days")
}
