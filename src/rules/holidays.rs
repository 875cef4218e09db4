//! Public holidays of a few countries, as their law has them, from 2020 to 2040.
//!
//! The dates stand in `public_holidays.txt`, printed from the Python library `holidays` by `scripts/public_holidays.py`.
//! They are read once, when the first one is asked for, and shared by all brands.
//!
//! Where the law lets a holiday be observed on another day, as a Sunday's on the Monday, both days are holidays, the
//! second called `… (observed)`. Holidays of towns, of one confession and half days are none.

use std::ops::RangeInclusive;
use std::sync::LazyLock;

use chrono::{Datelike, NaiveDate};

/// The years whose holidays are known; there are none in others.
pub const YEARS: RangeInclusive<i32> = 2020..=2040;

static COUNTRIES: LazyLock<Vec<Country>> = LazyLock::new(|| read(include_str!("public_holidays.txt")));

/// Stands for the country itself among its regions.
const WHOLE: &str = "-";

struct Country {
    code: &'static str,
    /// The country itself, then its regions in order; their places are the bits of [`Day::regions`].
    regions: Vec<&'static str>,
    /// In order of date.
    days: Vec<Day>,
}

struct Day {
    on: NaiveDate,
    regions: u64,
    name: &'static str,
}

/// A country, or a region of one, whose public holidays are known.
#[derive(Clone, Copy)]
pub struct Region {
    country: &'static Country,
    /// One bit.
    bit: u64,
}

impl Region {
    /// Reads `US` or `US-CA`: an ISO 3166 country, with one of its regions where holidays differ. Countries are `AU`,
    /// `CA`, `DE`, `FR`, `GB` and `US`; a country alone has the holidays that hold in all of it, in `US` the federal ones.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        let (country, region) = code.split_once('-').unwrap_or((code, WHOLE));
        let country = COUNTRIES.iter().find(|known| known.code == country)?;
        let place = country.regions.iter().position(|known| *known == region)?;
        // `US--` would read as `US`.
        (region != WHOLE || !code.contains('-')).then_some(Self { country, bit: 1 << place })
    }

    /// Every code that [`Region::parse`] reads, in order.
    pub fn codes() -> impl Iterator<Item = String> {
        COUNTRIES.iter().flat_map(|country| {
            country.regions.iter().map(|region| match *region {
                WHOLE => country.code.to_owned(),
                region => format!("{}-{region}", country.code),
            })
        })
    }

    /// What a date is called, if it is a public holiday there; the first by name where two fall together.
    #[must_use]
    pub fn find(self, date: NaiveDate) -> Option<&'static str> {
        let days = &self.country.days;
        let first = days.partition_point(|day| day.on < date);
        let same_date = days.iter().skip(first).take_while(|day| day.on == date);
        same_date.filter(|day| day.regions & self.bit != 0).map(|day| day.name).next()
    }

    /// The public holidays of a year in order of date; two may share a date.
    pub fn days_of(self, year: i32) -> impl Iterator<Item = (NaiveDate, &'static str)> {
        let there = move |day: &&Day| day.on.year() == year && day.regions & self.bit != 0;
        self.country.days.iter().filter(there).map(|day| (day.on, day.name))
    }
}

/// Reads the file. It is ours, and a test sees that every line of it counts.
fn read(text: &'static str) -> Vec<Country> {
    let mut countries: Vec<Country> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if let Some(country) = line.strip_prefix("country ") {
            let mut words = country.split(' ');
            let code = words.next().unwrap_or_default();
            countries.push(Country { code, regions: words.collect(), days: Vec::new() });
        } else if let Some(country) = countries.last_mut() {
            let days = read_days(&country.regions, line);
            country.days.extend(days);
        }
    }
    for country in &mut countries {
        country.days.sort_unstable_by_key(|day| (day.on, day.name));
    }
    countries
}

/// Reads `name; regions; dates`.
fn read_days(known: &[&str], line: &'static str) -> Vec<Day> {
    let mut parts = line.split("; ");
    let (Some(name), Some(regions), Some(dates)) = (parts.next(), parts.next(), parts.next()) else {
        return Vec::new();
    };
    let bit = |region| known.iter().position(|known| *known == region).map_or(0, |place| 1_u64 << place);
    let regions = if regions == "*" { u64::MAX } else { regions.split(' ').map(bit).fold(0, |all, bit| all | bit) };
    dates.split(' ').filter_map(|date| date.parse().ok()).map(|on| Day { on, regions, name }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(code: &str, date: &str) -> Option<&'static str> {
        Region::parse(code).unwrap().find(date.parse().unwrap())
    }

    #[test]
    fn holidays_are_those_of_the_law() {
        for (code, date, name) in [
            ("US", "2026-07-04", Some("Independence Day")),
            ("US", "2026-07-03", Some("Independence Day (observed)")),
            ("US", "2026-11-26", Some("Thanksgiving Day")),
            ("US", "2026-11-27", None),
            ("US-TX", "2026-11-27", Some("Friday After Thanksgiving")),
            ("US", "2021-12-31", Some("New Year's Day (observed)")),
            ("CA", "2026-07-01", Some("Canada Day")),
            ("CA-ON", "2026-02-16", Some("Family Day")),
            ("CA-QC", "2026-06-24", Some("Saint Jean Baptiste Day")),
            ("CA-ON", "2026-06-24", None),
            ("GB", "2026-04-06", None),
            ("GB-ENG", "2026-04-06", Some("Easter Monday")),
            ("GB-SCT", "2026-04-06", None),
            ("GB-SCT", "2026-01-02", Some("New Year Holiday")),
            ("GB-ENG", "2026-12-28", Some("Boxing Day (observed)")),
            ("AU-VIC", "2026-11-03", Some("Melbourne Cup Day")),
            ("AU-NSW", "2026-11-03", None),
            ("DE", "2026-10-03", Some("German Unity Day")),
            ("DE-BY", "2026-01-06", Some("Epiphany")),
            ("DE-BE", "2026-01-06", None),
            ("FR", "2026-07-14", Some("National Day")),
            ("FR-6AE", "2026-12-26", Some("Saint Stephen's Day")),
            ("FR", "2026-12-26", None),
            ("FR", "2041-01-01", None),
        ] {
            assert_eq!(find(code, date), name, "{code} {date}");
        }
    }

    #[test]
    fn unknown_regions_are_none() {
        for code in ["", "-", "US-", "US--", "US-XX", "us", "XX", "UK", "US-TX-TX", "country"] {
            assert!(Region::parse(code).is_none(), "{code}");
        }
        let codes: Vec<String> = Region::codes().collect();
        assert_eq!(codes.len(), 6 + 8 + 13 + 16 + 14 + 4 + 57);
        assert!(codes.iter().all(|code| Region::parse(code).is_some()));
        assert!(["US", "US-CA", "GB-SCT", "DE-BY"].iter().all(|code| codes.iter().any(|known| known == code)));
    }

    #[test]
    fn every_line_of_the_file_counts() {
        let text = include_str!("public_holidays.txt");
        let dates = text.lines().filter(|line| !line.starts_with('#')).flat_map(|line| line.split([' ', ';']));
        let written = dates.filter(|word| word.parse::<NaiveDate>().is_ok()).count();
        assert_eq!(COUNTRIES.iter().map(|country| country.days.len()).sum::<usize>(), written);
        for country in COUNTRIES.iter() {
            assert!(country.regions.len() <= 64 && country.regions[0] == WHOLE);
            assert!(country.days.iter().all(|day| day.regions != 0 && YEARS.contains(&day.on.year())));
        }
        for code in Region::codes() {
            let region = Region::parse(&code).unwrap();
            for year in YEARS {
                let days: Vec<_> = region.days_of(year).collect();
                assert!((5..40).contains(&days.len()), "{code} {year}: {}", days.len());
                assert!(days.iter().all(|(date, _)| region.find(*date).is_some()));
            }
        }
    }
}
