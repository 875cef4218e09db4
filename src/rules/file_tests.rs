use proptest::prelude::*;

use super::super::{export, generated, json};
use super::*;

const EXAMPLE: &str = include_str!("../../examples/routing.toml");

const SMALL: &str = r#"
[[brand]]
id = "acme"
name = "Acme"
inbox = "Acme"
time_zone = "America/New_York"
roster = ["ana"]
[[number]]
number = "+15550100002"
brand = "acme"
[[agent]]
id = "ana"
name = "Ana"
email = "ana@example.com"
phone = "+15550100003"
"#;

fn faults_of(text: &str) -> Vec<String> {
    parse("routing.toml", text).unwrap_err().to_string().lines().map(str::to_owned).collect()
}

#[test]
fn the_example_is_good_and_survives_an_export() {
    let rules = parse("routing.toml", EXAMPLE).unwrap();
    assert_eq!((rules.brands.len(), rules.numbers.len(), rules.agents.len()), (2, 2, 5));
    let text = export(&rules);
    assert_eq!(parse("routing.toml", &text).unwrap(), rules);
    assert_eq!(export(&parse("routing.toml", &text).unwrap()), text);
}

#[test]
fn absent_fields_have_their_defaults() {
    let rules = parse("routing.toml", SMALL).unwrap();
    let brand = &rules.brands[0];
    assert_eq!((rules.version, brand.max_wait.as_secs(), brand.cooldown.as_secs()), (1, 25, 15));
    assert_eq!((brand.voicemail.max_length.as_secs(), brand.voicemail.key, brand.ring_width), (120, Some('1'), None));
    assert!(brand.hours.intervals.is_empty() && brand.wait_for_on_call);
    assert!(!rules.agents[0].phone_verified, "nobody vouched");
    assert_eq!(rules.brand_of(&"+15550100002".parse().unwrap()).unwrap().id.as_str(), "acme");
}

/// What is replaced in [`SMALL`], by what, and the beginnings of the faults.
const FAULTS: &[(&str, &str, &[&str])] = &[
    (
        "inbox = \"Acme\"",
        "inbocks = \"Acme\"",
        &[
            "routing.toml:2: this brand has no `inbox`",
            "routing.toml:5: `inbocks` is unknown in a brand; allowed: id, ",
        ],
    ),
    ("America/New_York", "America/Gotham", &["routing.toml:6: `time_zone` is `America/Gotham`; allowed: a zone"]),
    ("[\"ana\"]", "[\"ana\", \"bob\"]", &["routing.toml:7: there is no agent `bob`"]),
    ("[\"ana\"]", "[\"ana\", \"ana\"]", &["routing.toml:7: agent `ana` stands twice"]),
    ("[\"ana\"]", "\"ana\"", &["routing.toml:7: `roster` is a text; allowed: a list"]),
    ("brand = \"acme\"", "brand = \"acne\"", &["routing.toml:10: there is no brand `acne`"]),
    (
        "+15550100003",
        "+15550100002",
        &[
            "routing.toml:15: phone number `+15550100002` stands twice: it is a number that customers dial, and the phone of agent `ana`",
        ],
    ),
    (
        "[[agent]]",
        "[[agent]]\nid = \"ben\"\nname = \"Ben\"\nemail = \"b@example.com\"\nphone = \"+15550100003\"\n[[agent]]",
        &[
            "routing.toml:20: phone number `+15550100003` stands twice: it is the phone of agent `ben`, and the phone of agent `ana`",
        ],
    ),
    ("+15550100003", "555 0100003", &["routing.toml:15: `phone` is `555 0100003`; allowed: + and 7"]),
    ("email = \"ana@example.com\"", "", &["routing.toml:11: this agent has neither `email` nor"]),
    (
        "id = \"acme\"",
        "id = \"Acme Movers\"",
        &["routing.toml:3: `id` is `Acme Movers`; allowed: 1 to 40", "routing.toml:10: there is no brand"],
    ),
    (
        "id = \"acme\"",
        "id = \"acme\"\ntexts = { closed = \"We are closed. {opens} Until {closes}.\" }",
        &["routing.toml:4: `{closes}` in `closed` stands for nothing; allowed: {opens}"],
    ),
    (
        "id = \"acme\"",
        "id = \"acme\"\nfallback = { path = \"message\", words = \"{Opens}\" }",
        &["routing.toml:4: `{Opens}` in `words` stands for nothing; allowed: {opens}"],
    ),
    (
        "id = \"acme\"",
        "id = \"acme\"\nmax_wait_s = 1000",
        &["routing.toml:4: `max_wait_s` is 1000; allowed: a whole number from 5 to 90"],
    ),
    (
        "id = \"acme\"",
        "id = \"acme\"\nmax_wait_s = \"25\"",
        &["routing.toml:4: `max_wait_s` is a text; allowed: a whole number"],
    ),
    (
        "id = \"acme\"",
        "id = \"acme\"\nrecording = \"on\"",
        &["routing.toml:4: `recording` is `on`; allowed: \"off\", or a table"],
    ),
    (
        "id = \"acme\"",
        "id = \"acme\"\nvoicemail.key = \"*\"",
        &["routing.toml:4: `key` is `*`; allowed: one digit or #"],
    ),
    (
        "id = \"acme\"",
        "id = \"acme\"\nhours.mon = [\"09:00-12:00\", \"11:00-13:00\"]",
        &["routing.toml:4: mon 11:00-13:00 overlaps mon 09:00-12:00"],
    ),
    (
        "id = \"acme\"",
        "id = \"acme\"\nhours.sun = [\"22:00-02:00\"]\nhours.mon = [\"01:00-03:00\"]",
        &["routing.toml:4: sun 22:00-02:00 overlaps mon"],
    ),
    (
        "id = \"acme\"",
        "id = \"acme\"\nhours.mon = [\"9-5\"]\nhours.monday = []",
        &["routing.toml:4: `9-5` is no interval", "routing.toml:5: `monday` is unknown in a hours"],
    ),
    (
        "id = \"acme\"",
        "id = \"acme\"\nhours = { mon = [], tue = [] }",
        &["routing.toml:4: this `hours` has no interval; leave it out (in JSON null) if the brand is always open; one"],
    ),
    ("id = \"acme\"", "id = \"acme\"\nhours = {}", &["routing.toml:4: this `hours` has no interval"]),
    (
        "phone = ",
        "time_zone = \"UTC\"\nshift = { mon = [] }\nphone = ",
        &["routing.toml:16: this `shift` has no interval; leave it out if the agent always works"],
    ),
    (
        "phone = ",
        "shift.mon = [\"09:00-17:00\"]\nphone = ",
        &["routing.toml:11: this agent has a `shift` but no `time_zone`"],
    ),
    ("[[number]]", "[[numbers]]", &["routing.toml:8: `numbers` is unknown in a file; allowed: version, floods, "]),
    ("name = \"Acme\"", "name = \"Acme", &["routing.toml:4: "]),
    ("name = \"Acme\"", "name = \"\"", &["routing.toml:4: `name` has 0 characters; allowed: 1 to 80"]),
    ("name = \"Acme\"", "name = \"A\"\nname = \"B\"", &["routing.toml:5: duplicate key"]),
];

#[test]
fn each_fault_points_at_its_line() {
    for (from, to, expected) in FAULTS {
        let told = faults_of(&SMALL.replacen(from, to, 1));
        assert_eq!(told.len(), expected.len(), "{to}: {told:#?}");
        for (told, expected) in told.iter().zip(*expected) {
            assert!(told.starts_with(expected), "{to}:\n{told}\n{expected}");
        }
    }
}

#[test]
fn all_faults_of_a_file_are_told_at_once() {
    let text = SMALL
        .replace("America/New_York", "x")
        .replace("+15550100003", "y")
        .replace("ana@example.com", "z")
        .replace("\"acme\"\n[[agent", "\"w\"\n[[agent");
    let told = faults_of(&text);
    assert_eq!(told.len(), 4, "{told:#?}");
}

#[test]
fn an_empty_file_is_rules_of_nothing() {
    let rules = parse("routing.toml", "").unwrap();
    assert!(rules.brands.is_empty() && rules.agents.is_empty());
    assert!(parse("routing.toml", &"#\n".repeat(FILE_BYTES_MAX)).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_is_exported_is_read_as_the_same_rules(rules in generated::rules()) {
        let text = export(&rules);
        let read = parse("routing.toml", &text).map_err(|err| TestCaseError::fail(format!("{err}\n{text}")))?;
        prop_assert_eq!(&read, &rules);
        prop_assert_eq!(export(&read), text);
    }

    #[test]
    fn what_is_written_as_json_is_read_as_the_same_rules(rules in generated::rules()) {
        let document = json::to_json(&rules);
        let read = json::parse(&document).map_err(|err| TestCaseError::fail(format!("{err}\n{document}")))?;
        prop_assert_eq!(&read, &rules);
        prop_assert_eq!(json::to_json(&read), document);
    }

    #[test]
    fn no_text_breaks_the_reader(text in "[\\[\\]a-z=\"0-9\n.# {}',+-]{0,200}") {
        let _ = parse("routing.toml", &text);
    }
}
