//! When an agent works: the week of the shift, dates on which it is another, and absences.

use std::ops::Range;

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;

use super::calendar_status::LOOK_AHEAD;
use super::people::Absence;
use super::timetable::{self, Forced, Timetable};
use super::{Agent, DayInterval};

/// Whether the agent works at `at`.
///
/// What wins, first to last: an absence, a date of their own, the shift; without a shift they always work. Read in the agent's zone, else in the brand's. As with a brand's hours, a shift belongs to the date
/// on which it begins, so that one overnight is swapped or left out as a whole.
#[must_use]
pub fn is_on_shift(agent: &Agent, brand_zone: Tz, at: DateTime<Utc>) -> bool {
    always_works(agent) || timetable::is_on(&ShiftDays::new(agent, brand_zone), at)
}

/// Whether the agent may be rung for a call that arrived then: a shift counts for the calls that arrived inside it, so
/// its end takes nobody from a ring. Source: DESIGN.md section 3, "While it rings".
#[must_use]
pub fn counts_for_call(agent: &Agent, brand_zone: Tz, arrived_at: DateTime<Utc>) -> bool {
    is_on_shift(agent, brand_zone, arrived_at)
}

/// The first later instant at which [`is_on_shift`] answers otherwise; none within 400 days.
#[must_use]
pub fn next_change(agent: &Agent, brand_zone: Tz, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let end = at.checked_add_signed(LOOK_AHEAD)?;
    let next = stretches(agent, brand_zone, at..end)?.next()?;
    let change = if next.start > at { next.start } else { next.end };
    (change < end).then_some(change)
}

/// From when to when the agent works within a span, in order and apart; none if the agent always works.
pub(super) fn stretches(
    agent: &Agent,
    brand_zone: Tz,
    span: Range<DateTime<Utc>>,
) -> Option<impl Iterator<Item = Range<DateTime<Utc>>>> {
    (!always_works(agent)).then(|| timetable::stretches(ShiftDays::new(agent, brand_zone), span))
}

fn always_works(agent: &Agent) -> bool {
    agent.shift.is_none() && agent.shift_days.is_empty() && agent.absences.is_empty()
}

struct ShiftDays<'a> {
    agent: &'a Agent,
    zone: Tz,
}

impl<'a> ShiftDays<'a> {
    fn new(agent: &'a Agent, brand_zone: Tz) -> Self {
        Self { agent, zone: agent.time_zone.unwrap_or(brand_zone) }
    }
}

impl Timetable for ShiftDays<'_> {
    fn zone(&self) -> Tz {
        self.zone
    }

    fn hours_on(&self, date: NaiveDate) -> impl Iterator<Item = Range<u16>> {
        let days = &self.agent.shift_days;
        let own = days.binary_search_by_key(&date, |day| day.on).ok().and_then(|place| days.get(place));
        let week = self.agent.shift.as_ref().filter(|_| own.is_none());
        let always = (own.is_none() && week.is_none()).then_some(0..timetable::DAY_MIN);
        let own = own.into_iter().flat_map(|day| day.hours.iter().map(DayInterval::minutes));
        own.chain(week.into_iter().flat_map(move |week| week.on(date))).chain(always)
    }

    fn forced(&self, at: DateTime<Utc>) -> Forced {
        let absences = self.agent.absences.iter();
        if let Some(absence) = absences.clone().find(|absence| absence.holds(at)) {
            return Forced { on: Some(false), changes_at: Some(absence.until) };
        }
        let begins = absences.filter(|absence| at < absence.from && absence.from < absence.until);
        Forced { on: None, changes_at: begins.map(|absence| absence.from).min() }
    }
}

impl Absence {
    /// Whether it is in force at `at`.
    #[must_use]
    pub fn holds(&self, at: DateTime<Utc>) -> bool {
        self.from <= at && at < self.until
    }
}

#[cfg(test)]
#[path = "shifts_tests.rs"]
mod tests;
