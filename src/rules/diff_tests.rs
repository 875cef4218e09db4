use proptest::prelude::*;

use super::super::copy::{BrandPart, copy_brand};
use super::super::{export, file, generated};
use super::*;

const BEFORE: &str = r#"
[[holidays]]
id = "ours"
name = "Ours"
dates = { 2026-12-24 = "Eve" }
[[brand]]
id = "acme"
name = "Acme"
inbox = "Acme"
time_zone = "America/New_York"
roster = ["ana", "ben"]
hours.mon = ["08:00-18:00"]
calendar.closed_until = { until = 2026-11-30T12:00:00Z }
[[brand.calendar.day]]
on = 2026-12-24
[[number]]
number = "+15550100002"
brand = "acme"
[[number]]
number = "+15550100004"
brand = "acme"
[[agent]]
id = "ana"
name = "Ana"
email = "ana@example.com"
phone = "+15550100003"
[[agent]]
id = "ben"
name = "Ben"
email = "ben@example.com"
phone = "+15550100005"
"#;

fn read(text: &str) -> Rules {
    file::parse("routing.toml", text).unwrap()
}

fn told(edits: &[(&str, &str)]) -> Vec<String> {
    let mut after = BEFORE.to_owned();
    for (from, to) in edits {
        assert!(after.contains(from), "{from}");
        after = after.replacen(from, to, 1);
    }
    diff(&read(BEFORE), &read(&after)).iter().map(Change::to_string).collect()
}

#[test]
fn a_change_is_told_by_the_names_of_things() {
    assert_eq!(told(&[("id = \"acme\"", "id = \"acme\"\nmax_wait_s = 30")]), ["/brand/acme/max_wait_s: 25 becomes 30"]);
    assert_eq!(told(&[("version", "version")][..0]), [""; 0]);
    assert_eq!(
        told(&[("on = 2026-12-24", "on = 2026-12-24\nhours = [\"08:00-12:00\"]")]),
        ["/brand/acme/calendar/day/2026-12-24/hours: [] becomes [\"08:00-12:00\"]"]
    );
    assert_eq!(
        told(&[("\"Eve\"", "\"Christmas Eve\"")]),
        ["/holidays/ours/dates/2026-12-24: \"Eve\" becomes \"Christmas Eve\""]
    );
    assert_eq!(
        told(&[("calendar.closed_until = { until = 2026-11-30T12:00:00Z }", "")]),
        [
            "/brand/acme/calendar/closed_until: {\"from\":null,\"reason\":null,\"until\":\"2026-11-30T12:00:00Z\"} is gone"
        ]
    );
    assert_eq!(
        told(&[("12:00:00Z }", "13:00:00Z }")]),
        ["/brand/acme/calendar/closed_until/until: \"2026-11-30T12:00:00Z\" becomes \"2026-11-30T13:00:00Z\""]
    );
    assert_eq!(told(&[("[\"ana\", \"ben\"]", "[\"ben\"]")]), ["/brand/acme/roster/ana: \"ana\" is gone"]);
    assert_eq!(
        told(&[("[\"ana\", \"ben\"]", "[\"ben\", \"ana\"]")]),
        ["/brand/acme/roster: [\"ana\",\"ben\"] becomes [\"ben\",\"ana\"]"]
    );
    assert_eq!(
        told(&[("mon = [\"08:00-18:00\"]", "tue = [\"08:00-18:00\"]")]),
        ["/brand/acme/hours/mon: [\"08:00-18:00\"] is gone", "/brand/acme/hours/tue: [\"08:00-18:00\"] is new"]
    );
    assert_eq!(
        told(&[
            ("+15550100002", "+15550100004"),
            ("\"+15550100004\"\nbrand = \"acme\"\n[[agent", "\"+15550100002\"\nbrand = \"acme\"\n[[agent")
        ]),
        ["/number: [\"+15550100002\",\"+15550100004\"] becomes [\"+15550100004\",\"+15550100002\"]"]
    );
}

#[test]
fn what_comes_and_what_goes_is_shown_whole() {
    let after = format!("{BEFORE}[[supervisor]]\nid = \"dana\"\nname = \"Dana\"\n");
    let changes = diff(&read(BEFORE), &read(&after));
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].path, "/supervisor/dana");
    assert_eq!(changes[0].after.as_ref().unwrap()["name"], "Dana");
    let back = diff(&read(&after), &read(BEFORE));
    assert_eq!(
        (back[0].path.as_str(), &back[0].before, &back[0].after),
        ("/supervisor/dana", &changes[0].after, &None)
    );
}

#[test]
fn a_copy_of_everything_leaves_the_name_the_inbox_and_the_zone() {
    let rules =
        read(&format!("{BEFORE}[[brand]]\nid = \"other\"\nname = \"Other\"\ninbox = \"Other\"\ntime_zone = \"UTC\"\n"));
    let (from, to) = ("acme".into(), "other".into());
    let copy = copy_brand(&rules, &crate::ids::BrandId(from), &crate::ids::BrandId(to), &BrandPart::ALL).unwrap();
    let told: Vec<String> = diff(&rules, &copy).into_iter().map(|change| change.path).collect();
    assert_eq!(
        told,
        [
            "/brand/other/roster/ana",
            "/brand/other/roster/ben",
            "/brand/other/hours",
            "/brand/other/calendar/closed_until",
            "/brand/other/calendar/day/2026-12-24"
        ]
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn rules_that_say_the_same_differ_in_nothing(rules in generated::rules(), version in 1_u32..) {
        let again = Rules { version, ..rules.clone() };
        prop_assert_eq!(diff(&rules, &again), []);
    }

    #[test]
    fn a_difference_is_told_from_both_sides(before in generated::rules(), after in generated::rules()) {
        let version = before.version;
        let after = Rules { version, ..after };
        let (there, back) = (diff(&before, &after), diff(&after, &before));
        prop_assert_eq!(there.is_empty(), export(&before) == export(&after));
        let mut paths: Vec<_> = there.iter().map(|change| (&change.path, &change.before, &change.after)).collect();
        let mut swapped: Vec<_> = back.iter().map(|change| (&change.path, &change.after, &change.before)).collect();
        paths.sort_by_key(|change| change.0);
        swapped.sort_by_key(|change| change.0);
        prop_assert_eq!(paths, swapped);
        prop_assert!(there.iter().all(|change| change.before != change.after));
    }
}
