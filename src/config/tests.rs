//! The example lists every key; a bad one is named with its place, its value and what is allowed.

use std::collections::BTreeMap;
use std::path::PathBuf;

use secrecy::ExposeSecret;

use super::*;

const EXAMPLE: &str = include_str!("../../config.example.toml");

fn load(text: &str, variables: &[(&str, &str)]) -> Result<Settings, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    std::fs::write(&path, text).unwrap();
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Settings::load_from(Some(&path), variables)
        .map_err(|err| err.to_string().replace(&format!("{}/", folder.path().display()), ""))
}

/// What serde itself expects in a section: the names between backticks in its complaint about an unknown one.
fn expected_fields(section: Option<&str>) -> Vec<String> {
    let probe = section.map_or_else(|| "probe = 1".to_owned(), |section| format!("[{section}]\nprobe = 1"));
    let message = toml::from_str::<Settings>(&probe).unwrap_err().message().to_owned();
    message.split('`').skip(3).step_by(2).map(str::to_owned).collect()
}

/// The keys of a text, `section.key` to how often; keys behind `# ` count when `with_optional`.
fn keys(text: &str, with_optional: bool) -> BTreeMap<String, usize> {
    let mut section = String::new();
    let mut found = BTreeMap::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.to_owned();
            continue;
        }
        let line = if with_optional { line.strip_prefix('#').unwrap_or(line) } else { line };
        if let Some((key, _)) =
            line.split_once(" = ").filter(|(key, _)| key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
        {
            *found.entry(format!("{section}.{key}")).or_default() += 1;
        }
    }
    found
}

#[test]
fn the_example_lists_every_key_once() {
    let expected: BTreeMap<String, usize> = expected_fields(None)
        .iter()
        .flat_map(|section| expected_fields(Some(section)).into_iter().map(move |key| (format!("{section}.{key}"), 1)))
        .collect();
    assert!(expected.len() > 30, "{expected:?}");
    assert_eq!(keys(EXAMPLE, true), expected);
}

#[test]
fn the_example_holds_the_defaults() {
    let read: Settings = toml::from_str(EXAMPLE).unwrap();
    assert_eq!(format!("{read:?}"), format!("{:?}", Settings::default()));
    assert_eq!(read.database.url.expose_secret(), Settings::default().database.url.expose_secret());
}

#[test]
fn the_example_with_its_optional_keys_is_good_for_a_service() {
    let all: String = EXAMPLE
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(rest) if keys(rest, false).len() == 1 => format!("{rest}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let settings = load(
        &all,
        &[
            ("OFFHOOK_TWILIO__AUTH_TOKENS", "not-a-real-token"),
            ("OFFHOOK_CHATWOOT__WEBHOOK_SECRETS", "not-a-real-secret"),
        ],
    )
    .unwrap();
    settings.check_for_service().unwrap();
}

#[test]
fn every_key_of_the_example_is_explained() {
    let lines: Vec<&str> = EXAMPLE.lines().collect();
    for (index, line) in lines.iter().enumerate() {
        if keys(line.trim_start_matches('#'), false).len() == 1
            && line.trim_start_matches('#').contains(" = ")
            && !line.starts_with("# ")
        {
            assert!(lines[index - 1].starts_with("# "), "{line} has no comment");
        }
    }
}

#[test]
fn faults_name_file_line_key_value_and_what_is_allowed() {
    let cases = [
        ("[server]\nbnd = \"x\"", "config.toml:2: server.bnd: found a key that does not exist; allowed: `bind`"),
        ("\n[sever]\n", "config.toml:2: sever: found a key that does not exist; allowed: `server`"),
        (
            "[twilio]\n\ncalls_per_second = \"fast\"",
            "config.toml:3: twilio.calls_per_second: found `\"fast\"`; allowed: invalid type: string \"fast\", expected u32",
        ),
        ("[twilio]\ncalls_per_second = 0", "config.toml:2: twilio.calls_per_second: found 0; allowed: 1 to 100"),
        (
            "[twilio]\nring_method = \"both\"",
            "config.toml:2: twilio.ring_method: found `\"both\"`; allowed: unknown variant `both`, expected one of `auto`, `legs`, `dial`",
        ),
        (
            "[destinations]\nregions = [\n \"US\",\n \"Canada\"]",
            "config.toml:4: destinations.regions[1]: found Canada; allowed: two capital letters",
        ),
        (
            "[server]\noperator_tokens = [\"short-secret\"]",
            "config.toml:2: server.operator_tokens[0]: found a secret of 12 characters; allowed: at least 32",
        ),
        (
            "[server]\npublic_base_url = \"http://calls.example\"",
            "config.toml:2: server.public_base_url: found http://calls.example/; allowed: https",
        ),
        ("[server]\ndrain = \"soon\"", "config.toml:2: server.drain: found `\"soon\"`"),
        ("[server\n", "config.toml:1: found"),
        (
            "[database]\nurl = \"mysql://u:hidden@h/d\"",
            "config.toml:2: database.url: found an address that begins with `mysql`; allowed: sqlite",
        ),
        (
            "[twilio]\napi_key_sid = \"SK00000000000000000000000000000000\"",
            "twilio.api_key_secret: found nothing; allowed: the secret",
        ),
    ];
    for (text, message) in cases {
        let told = load(text, &[]).unwrap_err();
        assert!(told.starts_with(message), "for {text:?}:\n{told}");
    }
}

#[test]
fn faults_of_variables_name_the_variable() {
    let cases = [
        (
            ("OFFHOOK_TWILIO__CALLS_PER_SECOND", "fast"),
            "environment variable OFFHOOK_TWILIO__CALLS_PER_SECOND: twilio.calls_per_second: found `fast`",
        ),
        (
            ("OFFHOOK_TWILIO__CALLS_PER_SECOND", "500"),
            "environment variable OFFHOOK_TWILIO__CALLS_PER_SECOND: twilio.calls_per_second: found 500; allowed: 1 to 100",
        ),
        (
            ("OFFHOOK_TWILIO__TOKEN", "x"),
            "environment variable OFFHOOK_TWILIO__TOKEN: twilio.token: found a key that does not exist; allowed: `api_base_url`",
        ),
        (
            ("OFFHOOK_TWILIO_AUTH_TOKENS", "x"),
            "environment variable OFFHOOK_TWILIO_AUTH_TOKENS: found a variable that names no setting",
        ),
        (
            ("OFFHOOK_CHATWOOT__API_TOKEN_FILE", "/nowhere/at/all"),
            "environment variable OFFHOOK_CHATWOOT__API_TOKEN_FILE: chatwoot.api_token: found /nowhere/at/all:",
        ),
    ];
    for (variable, message) in cases {
        let told = load("", &[variable]).unwrap_err();
        assert!(told.starts_with(message), "for {variable:?}:\n{told}");
    }
}

#[test]
fn all_faults_are_told_at_once() {
    let told = load("[limits]\nlegs_live_max = 0\nlegs_per_minute_max = 0\n[server]\ndrain = \"2h\"", &[]).unwrap_err();
    assert_eq!(told.lines().count(), 3, "{told}");
}

#[test]
fn a_variable_wins_over_the_file() {
    let settings = load(
        "[twilio]\ncalls_per_second = 2\nring_method = \"dial\"",
        &[
            ("OFFHOOK_TWILIO__CALLS_PER_SECOND", "30"),
            ("OFFHOOK_TWILIO__AUTH_TOKENS", "12345678901234567890, 0099"),
            ("OFFHOOK_DESTINATIONS__REGIONS", "[\"GB\"]"),
            ("OFFHOOK_CHATWOOT__ACCOUNT_ID", "7"),
            ("OFFHOOK_CHATWOOT__API_TOKEN", "0012"),
            ("OFFHOOK_LOG__FORMAT", "text"),
            ("OFFHOOK_SERVER__BIND", "0.0.0.0:0"),
            ("OFFHOOK_CONFIG", "elsewhere.toml"),
        ],
    )
    .unwrap();
    assert_eq!(settings.twilio.calls_per_second, 30);
    assert_eq!(settings.twilio.ring_method, crate::rules::RingMethod::Dial);
    let tokens: Vec<&str> = settings.twilio.auth_tokens.iter().map(ExposeSecret::expose_secret).collect();
    assert_eq!(tokens, ["12345678901234567890", "0099"], "a secret stays the words it was");
    assert_eq!(settings.destinations.regions, ["GB"]);
    assert_eq!(settings.chatwoot.account_id, Some(7));
    assert_eq!(settings.chatwoot.api_token.as_ref().map(ExposeSecret::expose_secret), Some("0012"));
    assert_eq!(settings.log.format, LogFormat::Text);
}

#[test]
fn a_secret_can_come_from_a_file_and_is_never_printed() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| -> String {
        let path: PathBuf = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (list, one) = (file("tokens", "first-hidden\nsecond-hidden\n"), file("token", "third-hidden\n"));
    let settings = load("[twilio]\napi_key_sid = \"SK00000000000000000000000000000000\"\napi_key_secret = \"fourth-hidden\"\n[database]\nurl = \"postgres://u:fifth-hidden@h/d\"", &[
        ("OFFHOOK_TWILIO__AUTH_TOKENS_FILE", &list),
        ("OFFHOOK_CHATWOOT__API_TOKEN_FILE", &one),
    ]).unwrap();
    assert_eq!(settings.twilio.auth_tokens[1].expose_secret(), "second-hidden");
    assert_eq!(settings.chatwoot.api_token.as_ref().unwrap().expose_secret(), "third-hidden");
    assert!(!format!("{settings:?}").contains("hidden"));
    for (text, variables) in [
        ("[twilio]\nauth_tokens = \"hidden\"", [("OFFHOOK_LOG__LEVEL", "info")]),
        ("[chatwoot]\napi_token = [\"hidden\"]", [("OFFHOOK_LOG__LEVEL", "info")]),
        ("[chatwoot]\napi_token = hidden", [("OFFHOOK_LOG__LEVEL", "info")]),
        ("[chatwoot]\napi_token = 1hidden", [("OFFHOOK_LOG__LEVEL", "info")]),
        ("[twilio]\nauth_tokens = [hidden, \"hidden\"]", [("OFFHOOK_LOG__LEVEL", "info")]),
        ("[twilio]\nauth_tokens = [true-hidden]", [("OFFHOOK_LOG__LEVEL", "info")]),
        ("[chatwoot]\napi_token = \"hidden", [("OFFHOOK_LOG__LEVEL", "info")]),
        ("", [("OFFHOOK_SERVER__OPERATOR_TOKENS", "hidden")]),
        ("", [("OFFHOOK_DATABASE__URL", "oracle:hidden")]),
    ] {
        let told = load(text, &variables).unwrap_err();
        assert!(!told.contains("hidden"), "{told}");
    }
}

#[test]
fn a_named_file_must_exist_and_nothing_at_all_is_the_default() {
    let missing = Settings::load_from(Some(Path::new("/nowhere/config.toml")), []).unwrap_err().to_string();
    assert!(missing.starts_with("/nowhere/config.toml: found"), "{missing}");
    assert!(load("", &[]).is_ok());
    assert!(Settings::default().check_for_service().is_err());
}

#[test]
fn test_switches_are_refused_near_a_real_provider() {
    let mut settings = Settings::default();
    let told = settings.check_for_test_switches().unwrap_err().to_string();
    assert!(told.contains("twilio.api_base_url") && told.contains("api.twilio.com"), "{told}");
    settings.twilio.api_base_url = web_address::known("http://127.0.0.1:9001");
    settings.check_for_test_switches().unwrap();
    settings.chatwoot.base_url = Some(web_address::known("https://app.chatwoot.com"));
    assert!(settings.check_for_test_switches().is_err());
    settings.chatwoot.base_url = None;
    settings.server.bind = "0.0.0.0:80".parse().unwrap();
    assert!(settings.check_for_test_switches().is_err());
}
