//! `offhook import routing.toml`: makes the rules of a routing file live for new calls.

use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};

use super::check::{line_of_finding, line_of_rest};
use crate::clock::{Clock, SystemClock};
use crate::config::Settings;
use crate::publishing::{Desk, Meanwhile, Refused, Upon};
use crate::rules::Rules;
use crate::rules::diff::Change;
use crate::rules::file::{Fault, RoutingFileError};
use crate::rules::lint::{Report, Severity, lint};

/// Differences told one by one; of more only the number.
const CHANGES_TOLD_MAX: usize = 40;

/// Which file.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The routing file. Its form: docs/routing.md.
    #[arg(value_name = "ROUTING")]
    pub routing: PathBuf,
    /// Who imports it, for the audit; phones marked verified are vouched for by this person. The shell's user otherwise.
    #[arg(long, value_name = "NAME", env = "USER", hide_env = true, default_value = "import")]
    pub by: String,
    /// Why, for the list of versions.
    #[arg(long, value_name = "WORDS")]
    pub note: Option<String>,
    /// Publishes only if this version is in force, 0 for none; whatever is in force otherwise.
    #[arg(long, value_name = "NUMBER")]
    pub base: Option<u32>,
    /// Imports rules without any number, under which every caller hears that the number is not in use.
    #[arg(long)]
    pub allow_no_numbers: bool,
}

/// Reads the file, looks at all of it, publishes its rules in one step, and tells what is found in them.
///
/// Findings that are errors go to the error output, and do not keep rules from being published, as over the API; the rest is told
/// after what was published.
///
/// # Errors
/// Every fault of the file, a file without numbers, or another version in force than `--base`, and then nothing was changed; or
/// the store's.
pub async fn run(args: Args, settings: Settings) -> anyhow::Result<ExitCode> {
    // The file first: a bad one is told even where there is no database yet.
    let rules = super::read_routing(&args.routing, &settings.destinations.policy())?;
    if rules.numbers.is_empty() && !args.allow_no_numbers {
        return Err(without_numbers(&args.routing).into());
    }
    let report = lint(&rules, SystemClock.now());
    let desk = super::open_desk(&settings).await?;
    let upon = args.base.map_or(Upon::Whatever, Upon::Version);
    let told = publish(rules, upon, &args.by, args.note.as_deref(), &desk).await?;
    let (errors, others) = findings(&report);
    std::io::stdout().write_all((told + &others).as_bytes())?;
    std::io::stderr().write_all(errors.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// A file that was cut short by mistake looks like one that takes every number away.
fn without_numbers(routing: &Path) -> RoutingFileError {
    let message = "there is no [[number]], so every caller would hear that the number is not in use; \
                   --allow-no-numbers imports it all the same";
    let fault = Fault { line: None, pointer: "/number".to_owned(), message: message.to_owned() };
    RoutingFileError { file: routing.display().to_string(), faults: vec![fault] }
}

/// What was found, one a line: errors, and the rest.
fn findings(report: &Report) -> (String, String) {
    let of = |is_error: bool| -> String {
        let wanted = report.findings.iter().filter(|one| (one.severity == Severity::Error) == is_error);
        wanted.map(line_of_finding).collect()
    };
    (of(true), of(false) + &line_of_rest(report))
}

/// Publishes rules upon what they are for, and says what became of it and what it changed.
///
/// # Errors
/// Another version is in force than `upon`, with who published what since; or the store's.
pub async fn publish(rules: Rules, upon: Upon, by: &str, note: Option<&str>, desk: &Desk) -> anyhow::Result<String> {
    let published = match desk.publish(rules, upon, by, note).await {
        Err(Refused::Meanwhile(meanwhile)) => bail!(told_meanwhile(&meanwhile)),
        published => published.context("could not publish the rules")?,
    };
    let rules = &published.rules;
    let (brands, numbers, agents) = (rules.brands.len(), rules.numbers.len(), rules.agents.len());
    let mut told =
        format!("version {} is live: brands {brands}, numbers {numbers}, agents {agents}\n", published.version);
    if !published.is_new {
        told.push_str("nothing changed\n");
    } else if published.base > 0 {
        tell_changes(&mut told, published.base, &published.changes);
    }
    Ok(told)
}

fn tell_changes(told: &mut String, base: u32, changes: &[Change]) {
    let _ = writeln!(told, "changes since version {base}: {}", changes.len());
    for change in changes.iter().take(CHANGES_TOLD_MAX) {
        let _ = writeln!(told, "  {change}");
    }
    if changes.len() > CHANGES_TOLD_MAX {
        let _ = writeln!(told, "  and {} more", changes.len() - CHANGES_TOLD_MAX);
    }
}

/// Who published what since the version that the file was made from.
fn told_meanwhile(meanwhile: &Meanwhile) -> String {
    let Meanwhile { base, in_force, published, changes } = meanwhile;
    let in_force = if *in_force == 0 { "no version".to_owned() } else { format!("version {in_force}") };
    let mut told =
        format!("nothing was published: the file was made from version {base}, and {in_force} is in force\n");
    for head in published {
        let at = head.published_at.format("%Y-%m-%d %H:%M UTC");
        let note = head.note.as_ref().map_or_else(String::new, |note| format!(": {note}"));
        let _ = writeln!(told, "version {} by {} at {at}{note}", head.version, head.published_by);
    }
    if let Some(changes) = changes {
        tell_changes(&mut told, *base, changes);
    }
    told.trim_end().to_owned()
}
