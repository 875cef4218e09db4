//! Commands that end by themselves, with good and with bad input.

use std::path::Path;
use std::process::Output;

use crate::exchange::process::offhook;

const ROUTING: &str = offhook::sandbox::exchange::ROUTING;

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("routing.toml"), ROUTING).unwrap();
    folder
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    offhook(folder, arguments).output().unwrap()
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_bad_setting_is_told_with_file_line_key_value_and_what_is_allowed() {
    let folder = folder();
    let cases = [
        ("[twilio]\ncalls_per_secnd = 3\n", "config.toml:2: twilio.calls_per_secnd", "`calls_per_second`", ""),
        ("[twilio]\n\ncalls_per_second = 300\n", "config.toml:3: twilio.calls_per_second", "1 to 100", "300"),
        ("[log]\nlevel = \"loud\"\n", "config.toml:2: log.level", "`warn`", "\"loud\""),
    ];
    for command in [["check"].as_slice(), &["serve"], &["import", "routing.toml"]] {
        for (config, place, allowed, value) in cases {
            std::fs::write(folder.path().join("config.toml"), config).unwrap();
            let output = run(folder.path(), command);
            let told = told(&output);
            assert_eq!(output.status.code(), Some(2), "{told}");
            assert!(told.contains(place) && told.contains(allowed) && told.contains(value), "{told}");
        }
    }
}

#[test]
fn an_unknown_variable_of_ours_is_told_by_name() {
    let folder = folder();
    let output = offhook(folder.path(), &["check"]).env("OFFHOOK_TWILIO__CALLS", "3").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(told(&output).contains("OFFHOOK_TWILIO__CALLS"), "{}", told(&output));
}

#[test]
fn every_fault_of_a_routing_file_is_told_with_its_line_and_nothing_is_published() {
    let folder = folder();
    let bad = ROUTING.replacen("America/New_York", "America/Gotham", 1).replace("\"+15550100013\"", "\"+1555\"");
    std::fs::write(folder.path().join("bad.toml"), &bad).unwrap();
    let output = run(folder.path(), &["import", "bad.toml"]);
    assert_eq!(output.status.code(), Some(2));
    let said = told(&output);
    for words in ["America/Gotham", "+1555`"] {
        let fault =
            said.lines().find(|line| line.contains(words)).unwrap_or_else(|| panic!("{words} is not in {said}"));
        let number: usize = fault.split(':').nth(1).and_then(|number| number.parse().ok()).expect("a line number");
        let there = bad.lines().nth(number - 1).unwrap();
        assert!(there.contains(words.trim_end_matches('`')), "line {number} is {there}");
    }
    let export = run(folder.path(), &["export"]);
    assert_eq!(export.status.code(), Some(1), "something was published: {}", told(&export));
}

#[test]
fn a_routing_file_that_is_not_there_is_named() {
    let folder = folder();
    let output = run(folder.path(), &["import", "nowhere.toml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(told(&output).contains("nowhere.toml"), "{}", told(&output));
}

#[test]
fn an_import_tells_what_is_found_in_the_rules_and_what_was_published_meanwhile() {
    let folder = folder();
    let file = folder.path().join("routing.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    // Nobody has the skill that is asked for, and nobody speaks before the tone of a message.
    let bad = text.replacen(
        "[[number]]",
        "[[brand.intent]]\nid = \"moon\"\nname = \"Moon\"\nskill = \"moon\"\n[[number]]",
        1,
    );
    std::fs::write(&file, &bad).unwrap();
    let output = run(folder.path(), &["import", "routing.toml", "--base", "0", "--by", "Ana"]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(said.starts_with("version 1 is live: "), "{said}");
    assert!(said.contains("[unreachable_intent]") && !said.contains("error: "), "{said}");
    assert!(errors.contains("error: /brand/") && errors.contains("[skill_nobody_has]"), "{errors}");

    std::fs::write(&file, &text).unwrap();
    assert!(
        run(folder.path(), &["import", "routing.toml", "--base", "1", "--by", "Ben", "--note", "Mended"])
            .status
            .success()
    );
    let late = run(folder.path(), &["import", "routing.toml", "--base", "1", "--by", "Cleo"]);
    assert_eq!(late.status.code(), Some(1));
    let said = told(&late);
    assert!(said.contains("made from version 1, and version 2 is in force"), "{said}");
    assert!(said.contains("version 2 by Ben at ") && said.contains(": Mended"), "{said}");
}

#[test]
fn a_file_that_lost_its_numbers_is_not_imported_by_mistake() {
    let folder = folder();
    assert!(run(folder.path(), &["import", "routing.toml"]).status.success());
    let before = run(folder.path(), &["export"]).stdout;
    std::fs::write(folder.path().join("empty.toml"), "").unwrap();
    let refused = run(folder.path(), &["import", "empty.toml"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(told(&refused).contains("empty.toml: there is no [[number]]"), "{}", told(&refused));
    assert_eq!(run(folder.path(), &["export"]).stdout, before);
    let meant = run(folder.path(), &["import", "empty.toml", "--allow-no-numbers"]);
    assert!(meant.status.success(), "{}", told(&meant));
    assert!(String::from_utf8_lossy(&meant.stderr).contains("[no_numbers]"), "{}", told(&meant));
}

#[test]
fn export_is_the_inverse_of_import() {
    let folder = folder();
    assert!(run(folder.path(), &["import", "routing.toml"]).status.success());
    let first = run(folder.path(), &["export"]);
    assert!(first.status.success());
    std::fs::write(folder.path().join("again.toml"), &first.stdout).unwrap();
    std::fs::remove_file(folder.path().join("offhook.sqlite")).unwrap();
    for more in ["offhook.sqlite-wal", "offhook.sqlite-shm"] {
        let _ = std::fs::remove_file(folder.path().join(more));
    }
    assert!(run(folder.path(), &["import", "again.toml"]).status.success());
    let second = run(folder.path(), &["export"]);
    assert_eq!(String::from_utf8_lossy(&first.stdout), String::from_utf8_lossy(&second.stdout));
}

#[test]
fn a_database_that_cannot_be_opened_is_named_without_its_password() {
    let folder = folder();
    let cases = [
        ("sqlite:///nowhere/at/all.sqlite", "/nowhere/at/all.sqlite"),
        ("postgres://me:canary-password@127.0.0.1:1/nobase", "`nobase` at 127.0.0.1:1"),
    ];
    for (url, name) in cases {
        let output = offhook(folder.path(), &["migrate"]).env("OFFHOOK_DATABASE__URL", url).output().unwrap();
        let told = told(&output);
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains(name) && !told.contains("canary-password"), "{told}");
    }
}

#[test]
fn migrate_tells_how_the_tables_stand() {
    let folder = folder();
    // An empty file is an empty database.
    std::fs::write(folder.path().join("offhook.sqlite"), "").unwrap();
    let before = run(folder.path(), &["migrate", "--status"]);
    assert!(before.status.success() && told(&before).contains("pending m0001"), "{}", told(&before));
    let after = run(folder.path(), &["migrate"]);
    assert!(after.status.success() && !told(&after).contains("pending"), "{}", told(&after));
    let back = run(folder.path(), &["migrate", "--down", "1"]);
    assert_eq!(told(&back).lines().filter(|line| line.starts_with("pending")).count(), 1, "{}", told(&back));
}

#[test]
fn check_looks_at_settings_and_routing_file() {
    let folder = folder();
    let lacking = run(folder.path(), &["check", "routing.toml"]);
    assert_eq!(lacking.status.code(), Some(2));
    assert!(told(&lacking).contains("twilio.account_sid"), "{}", told(&lacking));
    let config = format!(
        "[server]\npublic_base_url = \"https://calls.example.com\"\n\
         [twilio]\naccount_sid = \"AC{}\"\nauth_tokens = [\"not-a-real-token-of-a-test\"]\n\
         [chatwoot]\nbase_url = \"https://chatwoot.example.com\"\naccount_id = 1\napi_token = \"not-a-real-token\"\n\
         webhook_secrets = [\"not-a-real-secret\"]\n",
        "0".repeat(32)
    );
    std::fs::write(folder.path().join("config.toml"), config).unwrap();
    let good = run(folder.path(), &["check", "routing.toml"]);
    assert!(good.status.success(), "{}", told(&good));
}

#[test]
fn simulate_tells_what_a_caller_gets_and_why_each_phone_rings_or_not() {
    let folder = folder();
    let nothing = run(folder.path(), &["simulate", "--brand", "acme-movers"]);
    assert_eq!(nothing.status.code(), Some(1));
    assert!(told(&nothing).contains("offhook import"), "{}", told(&nothing));
    assert!(run(folder.path(), &["import", "routing.toml"]).status.success());
    let open = ["simulate", "--brand", "acme-movers", "--at", "2026-11-27T09:30", "--from", "+15550100001"];
    let output = run(folder.path(), &open);
    let said = told(&output);
    assert!(output.status.success(), "{said}");
    for words in [
        "Friday 27 November 2026, 09:30:00 in America/New_York",
        "the caller hears: Thank you for calling Acme Movers.",
        "Priya Nair is rung",
        "Priya Nair was rung, number 3 in line",
        "the caller comes to the recorder",
    ] {
        assert!(said.contains(words), "{words:?} is not in {said}");
    }
    let closed = run(folder.path(), &["simulate", "--brand", "acme-movers", "--at", "2026-11-29T09:30"]);
    assert!(told(&closed).contains("The brand was closed") && !told(&closed).contains("is rung"), "{}", told(&closed));
    for (arguments, words) in [
        (["--brand", "nobody", "--at", "2026-11-29T09:30"], "acme-movers"),
        (["--brand", "acme-movers", "--at", "soon"], "2026-11-28T18:30"),
        (["--brand", "acme-movers", "--press", "one"], "0 to 9"),
    ] {
        let bad = run(folder.path(), &["simulate"].into_iter().chain(arguments).collect::<Vec<_>>());
        assert!(!bad.status.success() && told(&bad).contains(words), "{}", told(&bad));
    }
}

#[test]
fn replay_and_explain_say_what_they_cannot_find() {
    let folder = folder();
    assert!(run(folder.path(), &["import", "routing.toml"]).status.success());
    let none = run(folder.path(), &["replay", "--draft", "routing.toml", "--since", "7d"]);
    assert!(none.status.success() && told(&none).contains("0 calls"), "{}", told(&none));
    let span = run(folder.path(), &["replay", "--draft", "routing.toml", "--since", "long"]);
    assert!(!span.status.success() && told(&span).contains("7d"), "{}", told(&span));
    let bad = run(folder.path(), &["replay", "--draft", "nowhere.toml"]);
    assert_eq!(bad.status.code(), Some(2));
    assert!(told(&bad).contains("nowhere.toml"), "{}", told(&bad));
    let unknown = run(folder.path(), &["explain", "00000000000000000000000000000007"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(told(&unknown).contains("there is no call 00000000000000000000000000000007"), "{}", told(&unknown));
}
