//! Start-up: read the arguments and the settings, start logging, run the command.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use offhook::commands::{self, Cli};
use offhook::config::Settings;
use offhook::telemetry;

/// How many heaps glibc may keep, by its own variable; it makes eight a core otherwise, and what is freed in one thread's
/// heap is of no use to the others.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const HEAPS: (&str, &str) = ("MALLOC_ARENA_MAX", "2");

/// Begins again with few heaps, since glibc reads the variable before any code of ours runs. The process keeps its number
/// and its sockets. Whoever has set the variable is obeyed, and where this cannot be done it goes on as it is.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn begin_with_few_heaps() {
    use std::os::unix::process::CommandExt;

    let (name, heaps) = HEAPS;
    let mut arguments = std::env::args_os();
    if std::env::var_os(name).is_some() {
        return;
    }
    // By its path, so that lists of processes show its name.
    let Ok(program) = std::env::current_exe() else { return };
    let mut again = std::process::Command::new(program);
    if let Some(own_name) = arguments.next() {
        again.arg0(own_name);
    }
    // It comes back only if it failed.
    drop(again.args(arguments).env(name, heaps).exec());
}

fn main() -> ExitCode {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    begin_with_few_heaps();
    // Every connection uses ring; a second provider would only be dead weight.
    let _ = rustls::crypto::ring::default_provider().install_default();
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
