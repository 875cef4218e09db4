//! Lint of open hours in which nobody could be rung.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::coverage::{self, Gap, LINT_DAYS, Sheet, Uncovered};
use super::lint::{BrandPlace, Code, Findings};
use super::lint_reach::skills_of;
use super::zone;

pub(super) fn look_at_coverage<'r>(findings: &mut Findings, place: &BrandPlace<'r>, sheet: &mut Sheet<'r>) {
    let BrandPlace { rules, brand, .. } = place;
    let Uncovered { gaps, intents, .. } = sheet.uncovered(brand);
    if !gaps.is_empty() {
        let why = if brand.roster.is_empty() { "nobody is on the roster" } else { "nobody on the roster covers it" };
        let message = format!("{why}: {}", told(&gaps, brand.time_zone));
        findings.add(Code::NoCoverage, place.at("roster"), message);
    }
    let skills = skills_of(rules, brand);
    for (index, (intent, own)) in intents.into_iter().enumerate() {
        // What nobody covers at all was told above, and a skill that nobody has is a finding of its own.
        let is_had = intent.skill.as_deref().is_some_and(|skill| skills.contains(skill));
        if is_had && own != gaps {
            let message =
                format!("nobody with the skill of intent `{}` covers it: {}", intent.id, told(&own, brand.time_zone));
            findings.add(Code::NoCoverage, place.at(&format!("intent/{index}/skill")), message);
        }
    }
}

/// The first gap in words, and how many there are.
fn told(gaps: &[Gap], zone: Tz) -> String {
    let total = coverage::total(gaps);
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
