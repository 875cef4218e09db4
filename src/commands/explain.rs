//! `offhook explain CALL`: why each agent's phone rang, or did not.

use std::fmt::Write as _;
use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, bail};
use secrecy::ExposeSecret;

use crate::call::explain::{Explanation, explain};
use crate::config::Settings;
use crate::ids::CallId;
use crate::rules::Rules;
use crate::rules::file;
use crate::store::Store;
use crate::store::open::{OpenOptions, open};

/// Which call.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The call, by its id as the API and the logs show it.
    #[arg(value_name = "CALL")]
    pub call: CallId,
}

/// Prints one sentence for each agent.
///
/// # Errors
/// There is no such call, its rules are gone, or the store fails.
pub async fn run(args: Args, settings: Settings) -> anyhow::Result<ExitCode> {
    let store = open(settings.database.url.expose_secret(), OpenOptions { migrate: false, connections: 1 }).await?;
    let told = print(&explain_stored(store.as_ref(), args.call).await?);
    std::io::stdout().write_all(told.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

async fn explain_stored(store: &dyn Store, id: CallId) -> anyhow::Result<Explanation> {
    let Some(call) = store.find_call(id).await.context("could not look for the call")? else {
        bail!("there is no call {id}; the API lists calls under /api/v1/calls");
    };
    let history = store.load_history(id).await.context("could not read the call's history")?;
    let published = store.find_rules(call.rules_version).await.context("could not read the call's rules")?;
    let Some(published) = published else { bail!("version {} of the rules is gone", call.rules_version) };
    let rules: Rules = file::parse(&format!("version {}", call.rules_version), &published.body)?;
    Ok(explain(&call, &rules, history.iter().flat_map(|entry| &entry.events)))
}

fn print(explanation: &Explanation) -> String {
    let mut told = String::new();
    for sentence in explanation.call.iter().chain(explanation.agents.iter().map(|(_, sentence)| sentence)) {
        let _ = writeln!(told, "{sentence}");
    }
    told
}
