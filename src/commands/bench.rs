//! `offhook bench`: measures this build on this machine.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;

use crate::bench::{self, BenchOptions};
use crate::config::Settings;

/// What to measure.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Only figures whose names begin so.
    #[arg(long, value_name = "FIGURE", default_value = "")]
    pub only: String,
    /// Past calls in the database for growth and cold start.
    #[arg(long, value_name = "CALLS", default_value_t = 100_000)]
    pub past_calls: u32,
    /// Where the databases lie; a past that is there already is used again. A fresh folder if nothing is said.
    #[arg(long, value_name = "FOLDER")]
    pub data: Option<PathBuf>,
}

/// Measures and prints.
///
/// # Errors
/// The folder cannot be used, or the service answers wrongly.
pub async fn run(args: Args, _: Settings) -> anyhow::Result<ExitCode> {
    crate::phone_number::warm_up();
    let folder = match &args.data {
        Some(folder) => folder.clone(),
        None => std::env::temp_dir().join(format!("offhook-bench-{}", std::process::id())),
    };
    std::fs::create_dir_all(&folder).with_context(|| format!("could not make the folder {}", folder.display()))?;
    let measured = bench::run(&BenchOptions { past_calls: args.past_calls, only: args.only }, &folder).await;
    if args.data.is_none() {
        // A fresh folder was ours alone.
        let _ = std::fs::remove_dir_all(&folder);
    }
    measured.map(|()| ExitCode::SUCCESS)
}
