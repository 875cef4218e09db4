//! `offhook explain CALL`: why each agent's phone rang, or did not.

use std::fmt::Write as _;
use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use secrecy::ExposeSecret;

use crate::call::explain::Explanation;
use crate::config::Settings;
use crate::ids::CallId;
use crate::rehearsal::explain_stored;
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
    let explained = explain_stored(store.as_ref(), args.call).await;
    let told = print(&explained.context("could not explain the call; the API lists calls under /api/v1/calls")?);
    std::io::stdout().write_all(told.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn print(explanation: &Explanation) -> String {
    let mut told = String::new();
    for sentence in explanation.call.iter().chain(explanation.agents.iter().map(|(_, sentence)| sentence)) {
        let _ = writeln!(told, "{sentence}");
    }
    told
}
