use chrono_tz::{TZ_VARIANTS, Tz};
use proptest::prelude::*;

use super::*;

fn hours(intervals: &[(Weekday, &str)]) -> WeeklyHours {
    WeeklyHours { intervals: intervals.iter().map(|(day, text)| Interval::parse(*day, text).unwrap()).collect() }
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

const NEW_YORK: Tz = Tz::America__New_York;

#[test]
fn intervals_are_read_and_printed() {
    for text in ["09:00-17:30", "20:00-02:00", "00:00-24:00", "23:59-24:00", "00:01-00:00"] {
        let read = Interval::parse(Weekday::Mon, text).unwrap();
        assert_eq!(Interval::parse(Weekday::Mon, &read.to_text()), Some(read), "{text}");
    }
    for text in [
        "",
        "9-17",
        "9:00-17:00",
        "09:00",
        "09:00-09:00",
        "24:00-25:00",
        "09:60-10:00",
        "25:00-26:00",
        "+9:00-10:00",
        "24:00-02:00",
        "00:00-24:01",
    ] {
        assert_eq!(Interval::parse(Weekday::Mon, text), None, "{text}");
    }
}

#[test]
fn no_hours_means_always() {
    let always = WeeklyHours::default();
    assert!(is_open(&always, NEW_YORK, at("2026-11-24T03:00:00Z")));
    assert_eq!(next_opening(&always, NEW_YORK, at("2026-11-24T03:00:00Z")), Some(at("2026-11-24T03:00:00Z")));
}

#[test]
fn several_intervals_and_past_midnight() {
    let late = hours(&[(Weekday::Fri, "09:00-12:00"), (Weekday::Fri, "20:00-02:00"), (Weekday::Sun, "22:00-01:00")]);
    let cases = [
        ("2026-11-27T08:59:59-05:00", false),
        ("2026-11-27T09:00:00-05:00", true),
        ("2026-11-27T12:00:00-05:00", false),
        ("2026-11-27T23:59:59-05:00", true),
        ("2026-11-28T01:59:59-05:00", true),
        ("2026-11-28T02:00:00-05:00", false),
        ("2026-11-30T00:30:00-05:00", true),
        ("2026-11-27T01:00:00-05:00", false),
    ];
    for (instant, open) in cases {
        assert_eq!(is_open(&late, NEW_YORK, at(instant)), open, "{instant}");
    }
    assert_eq!(next_opening(&late, NEW_YORK, at("2026-11-28T02:00:00-05:00")), Some(at("2026-11-29T22:00:00-05:00")));
}

#[test]
fn a_time_the_clock_skips_opens_at_the_first_real_instant() {
    // In New York the clock goes from 02:00 to 03:00 on 8 March 2026.
    let early = hours(&[(Weekday::Sun, "02:30-05:00")]);
    assert!(!is_open(&early, NEW_YORK, at("2026-03-08T06:59:59Z")));
    assert!(is_open(&early, NEW_YORK, at("2026-03-08T07:00:00Z")));
    assert_eq!(next_opening(&early, NEW_YORK, at("2026-03-08T05:00:00Z")), Some(at("2026-03-08T07:00:00Z")));
    // One that lies wholly in the gap opens a week later.
    let lost = hours(&[(Weekday::Sun, "02:10-02:50")]);
    assert_eq!(next_opening(&lost, NEW_YORK, at("2026-03-08T05:00:00Z")), Some(at("2026-03-15T02:10:00-04:00")));
}

#[test]
fn a_time_the_clock_passes_twice_is_open_both_times() {
    // In New York the clock goes from 02:00 back to 01:00 on 1 November 2026, at 06:00 UTC.
    let doubled = hours(&[(Weekday::Sun, "01:15-01:45")]);
    for open in ["2026-11-01T05:15:00Z", "2026-11-01T05:44:59Z", "2026-11-01T06:15:00Z", "2026-11-01T06:44:59Z"] {
        assert!(is_open(&doubled, NEW_YORK, at(open)), "{open}");
    }
    assert!(!is_open(&doubled, NEW_YORK, at("2026-11-01T05:50:00Z")));
    assert_eq!(next_opening(&doubled, NEW_YORK, at("2026-11-01T05:50:00Z")), Some(at("2026-11-01T06:15:00Z")));
    // The clock jumps back into the middle of an interval.
    let into = hours(&[(Weekday::Sun, "00:30-01:30")]);
    assert_eq!(next_opening(&into, NEW_YORK, at("2026-11-01T05:40:00Z")), Some(at("2026-11-01T06:00:00Z")));
}

#[test]
fn overlaps_are_seen_around_the_end_of_the_week() {
    let sunday = Interval::parse(Weekday::Sun, "22:00-02:00").unwrap();
    for (day, text, overlaps) in [
        (Weekday::Mon, "01:59-03:00", true),
        (Weekday::Mon, "02:00-03:00", false),
        (Weekday::Sun, "21:00-22:00", false),
        (Weekday::Sun, "21:00-22:01", true),
        (Weekday::Sat, "22:00-02:00", false),
    ] {
        let other = Interval::parse(day, text).unwrap();
        assert_eq!((sunday.overlaps(&other), other.overlaps(&sunday)), (overlaps, overlaps), "{day} {text}");
    }
}

fn any_interval() -> impl Strategy<Value = Interval> {
    (0_u8..7, 0_u16..1440, 1_u16..=1440)
        .prop_map(|(day, opens, length)| Interval::new(Weekday::try_from(day).unwrap(), opens, opens + length).unwrap())
}

/// The first hour within `days` in which the zone's clock jumps.
fn next_jump(zone: Tz, from: DateTime<Utc>, days: i64) -> Option<DateTime<Utc>> {
    let offset = |at: DateTime<Utc>| crate::rules::zone::offset(zone, at);
    (1..days * 24).map(|hour| from + TimeDelta::hours(hour)).find(|at| offset(*at) != offset(from))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Around a jump of any zone's clock, the next opening is the first minute at which it is open.
    #[test]
    fn the_next_opening_is_the_first_open_minute(
        zone in 0..TZ_VARIANTS.len(),
        intervals in proptest::collection::vec(any_interval(), 1..4),
        start in 1_577_836_800_i64 / 60..2_208_988_800 / 60,
        at_a_jump in any::<bool>(),
    ) {
        let zone = TZ_VARIANTS[zone];
        let hours = WeeklyHours { intervals };
        let mut from = DateTime::from_timestamp(start * 60, 0).unwrap();
        if at_a_jump && let Some(jump) = next_jump(zone, from, 400) {
            from = jump - TimeDelta::hours(3);
        }
        let first = (0..7 * 24 * 60).map(|minute| from + TimeDelta::minutes(minute)).find(|at| is_open(&hours, zone, *at));
        if let Some(first) = first {
            prop_assert_eq!(next_opening(&hours, zone, from), Some(first));
        }
    }
}
