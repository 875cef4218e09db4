//! `offhook import routing.toml`: makes the rules of a routing file live for new calls.

use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;

use crate::config::Settings;
use crate::publishing::{Desk, Upon};
use crate::rules::Rules;

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
}

/// Reads the file, looks at all of it, and publishes its rules in one step.
///
/// # Errors
/// Every fault of the file, and then nothing was changed; or the store's.
pub async fn run(args: Args, settings: Settings) -> anyhow::Result<ExitCode> {
    // The file first: a bad one is told even where there is no database yet.
    let rules = super::read_routing(&args.routing, &settings.destinations.policy())?;
    let desk = super::open_desk(&settings).await?;
    let told = publish(rules, &args.by, args.note.as_deref(), &desk).await?;
    std::io::stdout().write_all(told.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// Publishes rules, whatever is in force, and says what became of it and what it changed.
///
/// # Errors
/// The store's.
pub async fn publish(rules: Rules, by: &str, note: Option<&str>, desk: &Desk) -> anyhow::Result<String> {
    let published = desk.publish(rules, Upon::Whatever, by, note).await.context("could not publish the rules")?;
    let rules = &published.rules;
    let (brands, numbers, agents) = (rules.brands.len(), rules.numbers.len(), rules.agents.len());
    let mut told =
        format!("version {} is live: brands {brands}, numbers {numbers}, agents {agents}\n", published.version);
    if !published.is_new {
        told.push_str("nothing changed\n");
    } else if published.base > 0 {
        let changes = &published.changes;
        let _ = writeln!(told, "changes since version {}: {}", published.base, changes.len());
        for change in changes.iter().take(CHANGES_TOLD_MAX) {
            let _ = writeln!(told, "  {change}");
        }
        if changes.len() > CHANGES_TOLD_MAX {
            let _ = writeln!(told, "  and {} more", changes.len() - CHANGES_TOLD_MAX);
        }
    }
    Ok(told)
}
