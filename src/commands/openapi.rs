//! `offhook openapi`: prints the API's document, OpenAPI 3.1 as JSON.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;

use crate::config::Settings;

/// Nothing to say.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {}

/// Prints the document.
///
/// # Errors
/// The output cannot be written to.
#[expect(clippy::unused_async, reason = "all commands have the same form")]
pub async fn run(_: Args, _: Settings) -> anyhow::Result<ExitCode> {
    let text = crate::api::openapi::print().context("could not write the document")?;
    std::io::stdout().write_all(text.as_bytes()).context("could not print the document")?;
    Ok(ExitCode::SUCCESS)
}
