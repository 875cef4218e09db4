//! `offhook migrate`: brings the database's tables up to this version, or tells how they stand.

use std::io::Write;
use std::process::ExitCode;

use secrecy::ExposeSecret;

use crate::config::Settings;
use crate::store::open::{migrate_down, migrate_up, migration_status};

/// What to do.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Only tell which changes are applied.
    #[arg(long)]
    pub status: bool,
    /// Take back the last so many changes. Their data is lost.
    #[arg(long, value_name = "COUNT", conflicts_with = "status")]
    pub down: Option<u32>,
}

/// Changes the tables, then lists every change and whether it is applied.
///
/// # Errors
/// The database cannot be opened or changed; it is named.
pub async fn run(args: Args, settings: Settings) -> anyhow::Result<ExitCode> {
    let url = settings.database.url.expose_secret();
    match args.down {
        Some(steps) => migrate_down(url, Some(steps)).await?,
        None if !args.status => migrate_up(url).await?,
        None => {}
    }
    let mut out = std::io::stdout().lock();
    for change in migration_status(url).await? {
        writeln!(out, "{} {}", if change.applied { "applied" } else { "pending" }, change.name)?;
    }
    Ok(ExitCode::SUCCESS)
}
