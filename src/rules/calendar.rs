//! What makes a day unlike the week: holidays, single dates, "closed until" and "open until"; and what callers get then.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};

use super::hours::DayInterval;
use super::path::Path;
use crate::ids::HolidayListId;

pub use super::calendar_status::{LOOK_AHEAD, OpenRule, Status, is_open, open_stretches, status};

/// What differs from the weekly hours. An empty one changes nothing. Read in the brand's zone.
///
/// What wins, first to last: `closed_until`, `open_until`, a single date, a holiday, the weekly hours. Hours belong to the
/// date on which they begin: those of the evening before a holiday run past midnight to their end, and those of the
/// holiday's own evening do not begin.
/// Source: DESIGN.md section 2.3.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Calendar {
    /// Lists whose days are closed; unique, every list exists.
    pub holidays: Vec<HolidayListId>,
    /// Single dates with hours of their own, in order of date, each date once.
    pub days: Vec<SpecialDay>,
    /// Closed from now until then, whatever else is said; over by itself.
    pub closed_until: Option<Until>,
    /// Open from now until then, whatever else but `closed_until` is said; over by itself.
    pub open_until: Option<Until>,
}

/// One date with hours of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpecialDay {
    /// Which, in the brand's zone.
    pub on: NaiveDate,
    /// When it is open; empty means closed all day. Not overlapping; may reach past midnight.
    pub hours: Vec<DayInterval>,
    /// Why, for people; at most 80 characters.
    pub name: Option<String>,
}

/// A state that ends by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Until {
    /// When it begins; at once if absent.
    pub from: Option<DateTime<Utc>>,
    /// When it ends; not included.
    pub until: DateTime<Utc>,
    /// Why, for people; at most 80 characters.
    pub reason: Option<String>,
}

/// A named list of days, shared by brands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HolidayList {
    /// Its name in references.
    pub id: HolidayListId,
    /// For people.
    pub name: String,
    /// The public holidays of this country are in it too: `US`, `CA`, `GB`, `AU`, `DE`, `FR`, with a region such as
    /// `CA-ON` where holidays differ.
    pub public: Option<String>,
    /// Days of one year, by date; what they are called.
    pub dates: BTreeMap<NaiveDate, String>,
    /// Public holidays on which it is open all the same, by date.
    pub except: Vec<NaiveDate>,
}

/// Why it is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClosureKind {
    /// Outside the hours of the week.
    OutsideHours,
    /// A holiday.
    Holiday,
    /// A single date that is closed, or outside that date's hours.
    SpecialDay,
    /// Somebody closed it until an instant.
    ClosedUntil,
}

/// What callers get while it is closed, by the kind of closure.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AfterHours {
    /// Unless the kind has one of its own.
    pub path: Path,
    /// On a holiday.
    pub holiday: Option<Path>,
    /// On a single date.
    pub special_day: Option<Path>,
    /// While closed until an instant.
    pub closed_until: Option<Path>,
}

impl AfterHours {
    /// The path of a kind of closure.
    #[must_use]
    pub fn path_of(&self, kind: ClosureKind) -> &Path {
        let own = match kind {
            ClosureKind::OutsideHours => None,
            ClosureKind::Holiday => self.holiday.as_ref(),
            ClosureKind::SpecialDay => self.special_day.as_ref(),
            ClosureKind::ClosedUntil => self.closed_until.as_ref(),
        };
        own.unwrap_or(&self.path)
    }
}
