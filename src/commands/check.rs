//! `offhook check`: looks at the settings and at a routing file, changes nothing.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use chrono::{DateTime, Utc};

use crate::clock::{Clock, SystemClock};
use crate::config::Settings;
use crate::phone_number::PhoneNumber;
use crate::rules::file::{Fault, RoutingFileError};
use crate::rules::lint::{Finding, Report, Severity, lint};
use crate::rules::{DestinationPolicy, Rules, outbound};

/// What to look at besides the settings.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// A routing file to look at as well.
    #[arg(value_name = "ROUTING")]
    pub routing: Option<PathBuf>,
}

/// Tells whether the settings are good for `offhook serve`, and whether the routing file could be imported.
///
/// # Errors
/// Every fault of the settings; or, when those are good, every fault of the routing file. A finding that is an error is told and
/// gives exit code 2; other findings are told only.
#[expect(clippy::unused_async, reason = "all commands have the same form")]
pub async fn run(args: Args, settings: Settings) -> anyhow::Result<ExitCode> {
    let (told, code) = look(&args, &settings, SystemClock.now())?;
    std::io::stdout().write_all(told.as_bytes())?;
    Ok(code)
}

fn look(args: &Args, settings: &Settings, at: DateTime<Utc>) -> anyhow::Result<(String, ExitCode)> {
    settings.check_for_service()?;
    let mut told = "settings: good\n".to_owned();
    let mut code = ExitCode::SUCCESS;
    if let Some(path) = &args.routing {
        let rules = super::read_routing(path, &settings.destinations.policy())?;
        let (brands, numbers, agents) = (rules.brands.len(), rules.numbers.len(), rules.agents.len());
        told.push_str(&format!("{}: good: brands {brands}, numbers {numbers}, agents {agents}\n", path.display()));
        let report = lint(&rules, at);
        if report.findings.iter().any(|finding| finding.severity == Severity::Error) {
            code = ExitCode::from(super::EXIT_BAD_INPUT);
        }
        report.findings.iter().for_each(|finding| told.push_str(&line_of_finding(finding)));
        told.push_str(&line_of_rest(&report));
    }
    Ok((told, code))
}

/// A finding on one line: `warning: /brand/0/roster: … [no_coverage]`.
pub(super) fn line_of_finding(finding: &Finding) -> String {
    let Finding { code, severity, pointer, message } = finding;
    format!("{}: {pointer}: {message} [{}]\n", severity.as_str(), code.as_str())
}

/// How many findings are not told; empty if all of them are.
pub(super) fn line_of_rest(report: &Report) -> String {
    match report.total - report.findings.len() {
        0 => String::new(),
        left => format!("and {left} more findings\n"),
    }
}

/// Every phone of the rules must be one that may be called, or it would be refused at the first ring.
pub(super) fn check_phones(
    file: &str,
    text: &str,
    rules: &Rules,
    policy: &DestinationPolicy,
) -> Result<(), RoutingFileError> {
    let placed = outbound::outbound(rules);
    let line_of = |pointer: &str| {
        let number = placed.iter().find(|placed| placed.pointer == pointer)?.number;
        line_of(text, number)
    };
    let faults: Vec<Fault> = outbound::refused(rules, policy)
        .into_iter()
        .map(|fault| Fault { line: line_of(&fault.pointer), ..fault })
        .collect();
    if faults.is_empty() { Ok(()) } else { Err(RoutingFileError { file: file.to_owned(), faults }) }
}

/// The first line on which the number stands.
fn line_of(text: &str, number: &PhoneNumber) -> Option<usize> {
    text.lines().position(|line| line.contains(number.as_e164())).map(|index| index + 1)
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;

    fn at() -> DateTime<Utc> {
        "2026-11-24T10:00:00Z".parse().unwrap()
    }

    fn complete() -> Settings {
        let mut settings = Settings::default();
        settings.server.public_base_url = Some("https://calls.example".parse().unwrap());
        settings.twilio.account_sid = Some("AC00000000000000000000000000000000".into());
        settings.twilio.auth_tokens = vec![SecretString::from("not-a-real-token")];
        settings.chatwoot.base_url = Some("https://chat.example".parse().unwrap());
        settings.chatwoot.account_id = Some(1);
        settings.chatwoot.api_token = Some(SecretString::from("not-a-real-token"));
        settings.chatwoot.webhook_secrets = vec![SecretString::from("not-a-real-secret")];
        settings
    }

    fn routing(text: &str) -> (tempfile::TempDir, Args) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("routing.toml");
        std::fs::write(&path, text).unwrap();
        (folder, Args { routing: Some(path) })
    }

    #[test]
    fn good_settings_and_rules_are_said_to_be_good() {
        let (_folder, args) = routing(include_str!("../../examples/routing.toml"));
        let (told, _) = look(&args, &complete(), at()).unwrap();
        assert!(
            told.starts_with("settings: good\n") && told.ends_with("good: brands 2, numbers 2, agents 5\n"),
            "{told}"
        );
    }

    #[test]
    fn bad_ones_end_with_code_two() {
        let code = |err: &anyhow::Error| format!("{:?}", super::super::exit_code_of(err));
        let two = format!("{:?}", ExitCode::from(2));
        let missing = look(&Args { routing: None }, &Settings::default(), at()).unwrap_err();
        assert_eq!(code(&missing), two);
        assert!(missing.to_string().contains("twilio.account_sid: found nothing"), "{missing}");
        let (_folder, args) = routing("[[brnad]]\n");
        let bad = look(&args, &complete(), at()).unwrap_err();
        assert_eq!(code(&bad), two);
        assert!(format!("{bad:#}").contains("routing.toml:1: `brnad` is unknown"), "{bad:#}");
        let nowhere = look(&Args { routing: Some("/nowhere/routing.toml".into()) }, &complete(), at()).unwrap_err();
        assert_eq!(code(&nowhere), two);
        assert_eq!(code(&anyhow::anyhow!("disk gone")), format!("{:?}", ExitCode::from(1)));
    }

    #[test]
    fn a_phone_that_may_not_be_called_is_named() {
        let (_folder, args) =
            routing(&include_str!("../../examples/routing.toml").replace("+15550100013", "+18765550100"));
        let told = format!("{:#}", look(&args, &complete(), at()).unwrap_err());
        assert!(
            told.contains("routing.toml:73: the phone of agent `luis` may not be called: its region, JM, is not among"),
            "{told}"
        );
        assert!(!told.contains("8765550100"));
    }
}
