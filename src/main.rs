//! Start-up: read the arguments and the settings, start logging, run the command.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use offhook::commands::{self, Cli};
use offhook::config::Settings;
use offhook::telemetry;

fn main() -> ExitCode {
    // Every connection uses ring; a second provider would only be dead weight.
    let _ = rustls::crypto::ring::default_provider().install_default();
    telemetry::keep_panics_quiet();
    let cli = Cli::parse();
    let ended = Settings::load(cli.config.as_deref()).map_err(anyhow::Error::new).and_then(|settings| {
        telemetry::start_logging(&settings.log);
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(commands::run(cli.command, settings))
    });
    ended.unwrap_or_else(|err| {
        // Nobody is left to tell if this cannot be written.
        let _ = writeln!(std::io::stderr(), "{}", commands::told(&err));
        commands::exit_code_of(&err)
    })
}
