//! One file a command. Each takes its arguments and the settings, and says with which code the process ends.
//!
//! A command that cannot use the configuration or the routing file ends with 2, one that fails otherwise with 1; both
//! print what was attempted and every cause.

use std::path::PathBuf;
use std::process::ExitCode;

use std::sync::Arc;

use anyhow::Context;
use clap::{Parser, Subcommand};

use secrecy::ExposeSecret;

use crate::clock::{RandomIds, SystemClock};
use crate::config::{ConfigError, Settings};
use crate::publishing::Desk;
use crate::rules::file::{Fault, RoutingFileError};
use crate::rules::{DestinationPolicy, Rules};
use crate::store::Store;
use crate::store::open::{OpenOptions, open};

#[cfg(feature = "sandbox")]
pub mod bench;
pub mod check;
#[cfg(feature = "sandbox")]
pub mod demo;
pub mod explain;
pub mod export;
pub mod import;
pub mod migrate;
pub mod openapi;
pub mod replay;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod serve;
pub mod simulate;

/// The phone system of a team that works in Chatwoot.
#[derive(Debug, Parser)]
#[command(name = "offhook", version, about, arg_required_else_help = true)]
pub struct Cli {
    /// The settings file; config.toml, if it is there and nothing else is said.
    #[arg(long, global = true, env = "OFFHOOK_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Looks at the settings and at a routing file, and tells every fault.
    Check(check::Args),
    /// Makes the rules of a routing file live for new calls.
    Import(import::Args),
    /// Prints the rules in force as a routing file.
    Export(export::Args),
    /// Tells why each agent's phone rang for a call, or did not.
    Explain(explain::Args),
    /// Plays a call that nobody has made: what the caller hears, who rings in which order, and why not the others.
    Simulate(simulate::Args),
    /// Plays stored calls by a routing file: phones rung, calls answered, and what cannot be known.
    Replay(replay::Args),
    /// Answers Twilio, Chatwoot and the dashboard app, and runs the workers.
    Serve(serve::Args),
    /// Brings the database's tables up to this version.
    Migrate(migrate::Args),
    /// Prints the API's document: OpenAPI 3.1, as JSON.
    Openapi(openapi::Args),
    /// Plays the whole product against stand-ins: a page to click, or a named story.
    #[cfg(feature = "sandbox")]
    Demo(demo::Args),
    /// Starts the stand-ins of Twilio and Chatwoot alone, and prints where they are as one JSON line.
    #[cfg(feature = "sandbox")]
    Sandbox(sandbox::Args),
    /// Measures this build on this machine; prints `figure value unit`.
    #[cfg(feature = "sandbox")]
    Bench(bench::Args),
}

/// The configuration or the routing file is bad.
pub const EXIT_BAD_INPUT: u8 = 2;
/// Anything else failed: a database that cannot be opened, a port in use.
pub const EXIT_FAILED: u8 = 1;

/// Runs one command.
///
/// # Errors
/// What the command was attempting, with its causes; [`exit_code_of`] says how the process ends.
pub async fn run(command: Command, settings: Settings) -> anyhow::Result<ExitCode> {
    match command {
        Command::Check(args) => check::run(args, settings).await,
        Command::Import(args) => import::run(args, settings).await,
        Command::Export(args) => export::run(args, settings).await,
        Command::Explain(args) => explain::run(args, settings).await,
        Command::Simulate(args) => simulate::run(args, settings).await,
        Command::Replay(args) => replay::run(args, settings).await,
        Command::Serve(args) => serve::run(args, settings).await,
        Command::Migrate(args) => migrate::run(args, settings).await,
        Command::Openapi(args) => openapi::run(args, settings).await,
        #[cfg(feature = "sandbox")]
        Command::Demo(args) => demo::run(args, settings).await,
        #[cfg(feature = "sandbox")]
        Command::Sandbox(args) => sandbox::run(args, settings).await,
        #[cfg(feature = "sandbox")]
        Command::Bench(args) => bench::run(args, settings).await,
    }
}

/// How the process ends after an error: bad input is the operator's to mend, and has a code of its own.
#[must_use]
pub fn exit_code_of(error: &anyhow::Error) -> ExitCode {
    let is_bad_input = error.chain().any(|cause| cause.is::<ConfigError>() || cause.is::<RoutingFileError>());
    ExitCode::from(if is_bad_input { EXIT_BAD_INPUT } else { EXIT_FAILED })
}

/// What the operator reads: what was attempted and every cause, on one line; faults of a file one a line.
#[must_use]
pub fn told(error: &anyhow::Error) -> String {
    let bad_input = error.chain().find(|cause| cause.is::<ConfigError>() || cause.is::<RoutingFileError>());
    bad_input.map_or_else(|| format!("offhook: {error:#}"), ToString::to_string)
}

/// The desk where rules are published, over the database that the settings name.
///
/// # Errors
/// The database cannot be opened; the message names it, without its password.
pub(crate) async fn open_desk(settings: &Settings) -> anyhow::Result<Desk> {
    let store = open_store(settings).await?;
    let destinations = Arc::new(settings.destinations.policy());
    Ok(Desk::over(store, Arc::new(SystemClock), Arc::new(RandomIds), destinations))
}

/// Opens the database that the settings name, its tables brought up to this version.
///
/// # Errors
/// The database cannot be opened; the message names it.
pub(crate) async fn open_store(settings: &Settings) -> anyhow::Result<Arc<dyn Store>> {
    let options = OpenOptions { migrate: true, connections: settings.database.connections_max };
    Ok(open(settings.database.url.expose_secret(), options).await?)
}

/// Reads a routing file from the disk, with every phone in it approved by the policy in force.
pub(crate) fn read_routing(path: &std::path::Path, policy: &DestinationPolicy) -> anyhow::Result<Rules> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|err| RoutingFileError {
        file: name.clone(),
        faults: vec![Fault { line: None, pointer: String::new(), message: format!("the file cannot be read: {err}") }],
    })?;
    let rules = crate::rules::file::parse(&name, &text).context("could not use the routing file")?;
    check::check_phones(&name, &text, &rules, policy)?;
    Ok(rules)
}
