//! `offhook import routing.toml`: makes the rules of a routing file live for new calls.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;

use super::RulesStore;
use crate::config::Settings;
use crate::rules::Rules;

/// Which file.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The routing file. Its form: docs/routing.md.
    #[arg(value_name = "ROUTING")]
    pub routing: PathBuf,
    /// Who imports it, for the audit; phones marked verified are vouched for by this person.
    #[arg(long, value_name = "NAME", default_value = "import")]
    pub by: String,
}

/// Reads the file, looks at all of it, and publishes its rules in one step.
///
/// # Errors
/// Every fault of the file, and then nothing was changed; or the store's.
pub async fn run(args: Args, settings: Settings) -> anyhow::Result<ExitCode> {
    // The file first: a bad one is told even where there is no database yet.
    let rules = super::read_routing(&args.routing, &settings.destinations.policy())?;
    let store = super::open_rules(&settings).await?;
    let told = publish(rules, &args.by, store.as_ref()).await?;
    std::io::stdout().write_all(told.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// Publishes rules and says what became of it.
///
/// # Errors
/// The store's.
pub async fn publish(rules: Rules, by: &str, store: &dyn RulesStore) -> anyhow::Result<String> {
    let (brands, numbers, agents) = (rules.brands.len(), rules.numbers.len(), rules.agents.len());
    let version = store.publish_rules(rules, by).await.context("could not publish the rules")?;
    Ok(format!("version {version} is live: brands {brands}, numbers {numbers}, agents {agents}\n"))
}
