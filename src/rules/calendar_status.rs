//! Whether a brand is open at an instant, by which rule, and until when.

use std::ops::Range;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::calendar::{ClosureKind, HolidayList, SpecialDay, Until};
use super::holidays::Region;
use super::timetable::{self, DAY_MIN, Forced, Timetable};
use super::{Brand, Rules};
use crate::ids::HolidayListId;

/// How far ahead the next opening or closing is looked for: beyond every yearly holiday. One that is further away is
/// as good as none.
pub const LOOK_AHEAD: TimeDelta = TimeDelta::days(400);

/// Whether a brand is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Status {
    /// It is.
    Open {
        /// What says so.
        rule: OpenRule,
        /// The first instant at which it no longer is, by whatever rule; none within [`LOOK_AHEAD`].
        until: Option<DateTime<Utc>>,
    },
    /// It is not.
    Closed {
        /// Why.
        kind: ClosureKind,
        /// What the holiday or the date is called, or the reason somebody gave.
        name: Option<String>,
        /// The first instant at which it is open again, by whatever rule; none within [`LOOK_AHEAD`].
        opens_at: Option<DateTime<Utc>>,
    },
}

impl Status {
    /// Whether it is open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Open { .. })
    }
}

/// What says that a brand is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpenRule {
    /// It has no weekly hours, so it is open unless something closes it.
    Always,
    /// The hours of the week.
    WeeklyHours,
    /// The hours of a single date.
    SpecialDay,
    /// Somebody opened it until an instant.
    OpenUntil,
}

/// Whether the brand is open at `at`, why, and until when. For the answer alone, [`is_open`] costs less.
#[must_use]
pub fn status(brand: &Brand, rules: &Rules, at: DateTime<Utc>) -> Status {
    let days = BrandDays::new(brand, rules);
    let end = at.checked_add_signed(LOOK_AHEAD).unwrap_or(DateTime::<Utc>::MAX_UTC);
    let mut changes = timetable::stretches(&days, at..end).next();
    match days.reason(at) {
        Reason::Open(rule) => {
            let until = changes.take().map(|open| open.end).filter(|until| *until < end);
            Status::Open { rule, until }
        }
        Reason::Closed(kind, name) => {
            Status::Closed { kind, name: name.map(str::to_owned), opens_at: changes.map(|open| open.start) }
        }
    }
}

/// Whether the brand is open at `at`.
#[must_use]
pub fn is_open(brand: &Brand, rules: &Rules, at: DateTime<Utc>) -> bool {
    timetable::is_on(&BrandDays::new(brand, rules), at)
}

/// From when to when the brand is open within a span: in order, apart from each other, as long as they can be, and cut
/// where the span begins and ends.
pub fn open_stretches<'a>(
    brand: &'a Brand,
    rules: &'a Rules,
    span: Range<DateTime<Utc>>,
) -> impl Iterator<Item = Range<DateTime<Utc>>> + 'a {
    timetable::stretches(BrandDays::new(brand, rules), span)
}

/// What a date is to a brand.
enum DayPlan<'a> {
    Week,
    Holiday(&'a str),
    Special(&'a SpecialDay),
}

enum Reason<'a> {
    Open(OpenRule),
    Closed(ClosureKind, Option<&'a str>),
}

/// The calendar of a brand with the lists it refers to.
pub(super) struct BrandDays<'a> {
    brand: &'a Brand,
    holidays: Vec<(&'a HolidayList, Option<Region>)>,
}

impl<'a> BrandDays<'a> {
    pub(super) fn new(brand: &'a Brand, rules: &'a Rules) -> Self {
        let find = |id: &HolidayListId| rules.holidays.iter().find(|list| list.id == *id);
        let lists = brand.calendar.holidays.iter().filter_map(find);
        Self { brand, holidays: lists.map(|list| (list, list.region())).collect() }
    }

    fn plan(&self, date: NaiveDate) -> DayPlan<'a> {
        let days = &self.brand.calendar.days;
        if let Some(day) = days.binary_search_by_key(&date, |day| day.on).ok().and_then(|place| days.get(place)) {
            return DayPlan::Special(day);
        }
        let holiday = self.holidays.iter().find_map(|(list, region)| list.find_in(*region, date));
        holiday.map_or(DayPlan::Week, DayPlan::Holiday)
    }

    fn reason(&self, at: DateTime<Utc>) -> Reason<'a> {
        let calendar = &self.brand.calendar;
        match self.forced(at).on {
            Some(true) => return Reason::Open(OpenRule::OpenUntil),
            Some(false) => {
                let reason = calendar.closed_until.as_ref().and_then(|closed| closed.reason.as_deref());
                return Reason::Closed(ClosureKind::ClosedUntil, reason);
            }
            None => {}
        }
        let Some((date, minute)) = timetable::wall(self.brand.time_zone, at) else {
            return Reason::Closed(ClosureKind::OutsideHours, None);
        };
        if let Some(began_on) = timetable::covered_by(self, date, minute) {
            return Reason::Open(match self.plan(began_on) {
                DayPlan::Special(_) => OpenRule::SpecialDay,
                DayPlan::Week | DayPlan::Holiday(_) if self.brand.hours.intervals.is_empty() => OpenRule::Always,
                DayPlan::Week | DayPlan::Holiday(_) => OpenRule::WeeklyHours,
            });
        }
        let today = self.plan(date).closure();
        today.or_else(|| self.closed_eve(date, minute)).unwrap_or(Reason::Closed(ClosureKind::OutsideHours, None))
    }

    /// Past midnight, when the day before has no hours only for what it is.
    fn closed_eve(&self, date: NaiveDate, minute: u16) -> Option<Reason<'a>> {
        let eve = date.pred_opt()?;
        let would_reach = self.brand.hours.on(eve).any(|hours| hours.contains(&(minute + DAY_MIN)));
        would_reach.then(|| self.plan(eve).closure())?
    }
}

impl<'a> DayPlan<'a> {
    /// Why it is closed on such a day, apart from the hours of the week.
    fn closure(&self) -> Option<Reason<'a>> {
        match self {
            Self::Week => None,
            Self::Holiday(name) => Some(Reason::Closed(ClosureKind::Holiday, Some(name))),
            Self::Special(day) => Some(Reason::Closed(ClosureKind::SpecialDay, day.name.as_deref())),
        }
    }
}

impl Timetable for BrandDays<'_> {
    fn zone(&self) -> Tz {
        self.brand.time_zone
    }

    fn hours_on(&self, date: NaiveDate) -> impl Iterator<Item = Range<u16>> {
        let (special, week) = match self.plan(date) {
            DayPlan::Special(day) => (Some(day.hours.iter().map(super::DayInterval::minutes)), None),
            DayPlan::Holiday(_) => (None, None),
            DayPlan::Week => (None, Some(self.brand.hours.on(date))),
        };
        special.into_iter().flatten().chain(week.into_iter().flatten())
    }

    fn forced(&self, at: DateTime<Utc>) -> Forced {
        let calendar = &self.brand.calendar;
        let (closed, open) = (calendar.closed_until.as_ref(), calendar.open_until.as_ref());
        if let Some(closed) = closed.filter(|closed| closed.holds(at)) {
            return Forced { on: Some(false), changes_at: Some(closed.until) };
        }
        let on = open.filter(|open| open.holds(at));
        let begins = [closed, open].into_iter().flatten().filter_map(|later| later.begins_after(at));
        let changes_at = begins.chain(on.map(|on| on.until)).min();
        Forced { on: on.map(|_| true), changes_at }
    }
}

impl Until {
    /// Whether it is in force at `at`.
    #[must_use]
    pub fn holds(&self, at: DateTime<Utc>) -> bool {
        self.from.is_none_or(|from| from <= at) && at < self.until
    }

    /// When it begins, if it is still to come. One that ends before it begins never does.
    fn begins_after(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.from.filter(|from| at < *from && *from < self.until)
    }
}

impl HolidayList {
    /// What a date is called, if it is a holiday of this list.
    #[must_use]
    pub fn find(&self, date: NaiveDate) -> Option<&str> {
        self.find_in(self.region(), date)
    }

    fn region(&self) -> Option<Region> {
        self.public.as_deref().and_then(Region::parse)
    }

    fn find_in(&self, region: Option<Region>, date: NaiveDate) -> Option<&str> {
        let own = self.dates.get(&date).map(String::as_str);
        own.or_else(|| region.filter(|_| !self.except.contains(&date))?.find(date))
    }
}

#[cfg(test)]
#[path = "calendar_status_tests.rs"]
mod tests;
