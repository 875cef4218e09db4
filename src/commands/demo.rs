//! `offhook demo`: the real service between both stand-ins; a page to click, or a named story.

use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;

use crate::config::Settings;
use crate::rules::{DialStopsAt, RingMethod};
use crate::sandbox::exchange::{Exchange, ExchangeOptions, ROUTING};
use crate::sandbox::page;
use crate::sandbox::stage::StandIns;
use crate::sandbox::stories;
use crate::sandbox::twilio::Switches;

/// What to play.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Plays this story without a browser and ends: `answered`, `nobody-answers`, … or `all`.
    #[arg(long, value_name = "NAME")]
    pub script: Option<String>,
    /// The page's port; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    pub port: u16,
    /// Where the demonstration keeps its database; a fresh folder if nothing is said.
    #[arg(long, value_name = "FOLDER")]
    pub data: Option<PathBuf>,
}

/// Plays.
///
/// # Errors
/// A port is in use, the database cannot be opened, or there is no story of that name.
pub async fn run(args: Args, _: Settings) -> anyhow::Result<ExitCode> {
    crate::phone_number::warm_up();
    match &args.script {
        Some(name) => stories::play_named(name).await,
        None => show_page(&args).await,
    }
}

async fn show_page(args: &Args) -> anyhow::Result<ExitCode> {
    // First of all: nothing is left behind when the port is taken.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, args.port)).with_context(|| {
        format!("could not listen on port {} for the page; give --port another, or none for a free one", args.port)
    })?;
    let folder = match &args.data {
        Some(folder) => folder.clone(),
        None => std::env::temp_dir().join(format!("offhook-demo-{}", std::process::id())),
    };
    std::fs::create_dir_all(&folder).with_context(|| format!("could not make the folder {}", folder.display()))?;
    let shown = show_until_the_end(&folder, listener).await;
    if args.data.is_none() {
        // A fresh folder was ours alone.
        let _ = std::fs::remove_dir_all(&folder);
    }
    shown
}

async fn show_until_the_end(folder: &Path, listener: TcpListener) -> anyhow::Result<ExitCode> {
    let exchange = Exchange::start(ExchangeOptions {
        database_url: format!("sqlite://{}", folder.join("offhook.sqlite").display()),
        manual: false,
        // Open round the clock, so that the demonstration rings whenever it is tried.
        routing: without_hours(ROUTING),
        switches: Switches { calls_per_second: 0, ring_after_ms: 600, ..Switches::default() },
        calls_per_second: 20,
        method: RingMethod::Auto,
        dial_stops_at: DialStopsAt::Accept,
        legs_live_max: 50,
        ports: (0, 0, 0),
        // The page shows the panel as Chatwoot would.
        frame_origins: vec![format!("http://{}", listener.local_addr()?)],
        caller_names: true,
    })
    .await?;
    let (twilio, chatwoot) = (exchange.twilio.clone(), exchange.chatwoot.clone());
    let stage = StandIns::new(twilio, chatwoot, &exchange.rules, format!("http://{}/app/", exchange.address));
    let page = page::serve_on(stage.into_stage(), listener).context("could not serve the page")?;
    writeln!(std::io::stdout(), "{}", page.url)?;
    super::serve::wait_for_the_end().await?;
    page.stop().await;
    exchange.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// The routing file without opening hours and shifts: a brand without hours is always open, an agent without a shift
/// always works.
fn without_hours(routing: &str) -> String {
    let mut skipping = false;
    let mut kept = String::with_capacity(routing.len());
    for line in routing.lines() {
        if line.starts_with('[') {
            skipping = matches!(line, "[brand.hours]" | "[agent.shift]");
        }
        if !skipping {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}
