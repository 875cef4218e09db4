//! `offhook replay`: a routing file against the calls that were.

use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, anyhow};
use chrono::TimeDelta;

use crate::app::account_limits;
use crate::clock::{Clock, SystemClock};
use crate::config::Settings;
use crate::rehearsal::{CALLS_MAX, ReplayReport, Totals, per_call, replay_since};
use crate::simulator::ReplayOutcome;

/// Which rules against which calls.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The routing file.
    #[arg(long, value_name = "FILE")]
    pub draft: PathBuf,
    /// How far back: 7d, 12h.
    #[arg(long, value_name = "SPAN", default_value = "7d", value_parser = read_span)]
    pub since: Duration,
    /// Tells every call that the draft would have changed, too.
    #[arg(long)]
    pub calls: bool,
}

fn read_span(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| format!("{error}; expected a span such as 7d or 12h"))
}

/// Prints what the draft would have changed. Nothing is written and no phone rings.
///
/// # Errors
/// The routing file is bad, or the store fails.
pub async fn run(args: Args, settings: Settings) -> anyhow::Result<ExitCode> {
    let destinations = settings.destinations.policy();
    let draft = super::read_routing(&args.draft, &destinations)?;
    let store = super::open_store(&settings).await?;
    let span = TimeDelta::from_std(args.since).map_err(|_| anyhow!("--since: expected a span such as 7d"))?;
    let since = SystemClock.now().checked_sub_signed(span).context("--since: that is before the calendar begins")?;
    let carrier = account_limits(&settings).facts(true);
    let report = replay_since(store.as_ref(), &draft, &destinations, carrier, since)
        .await
        .context("could not play the stored calls")?;
    std::io::stdout().write_all(print(&report, args.calls).as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn print(report: &ReplayReport, tells_calls: bool) -> String {
    let calls = report.calls.len();
    let mut told = String::new();
    let since = report.since.map_or_else(String::new, |since| format!(" since {}", since.format("%Y-%m-%d %H:%M UTC")));
    let _ = writeln!(told, "{calls} calls{since}");
    if report.is_cut {
        let _ = writeln!(told, "There were more; the newest {CALLS_MAX} were played.");
    }
    let _ = writeln!(told, "\n{:<24}{:>10}{:>12}", "", "as it was", "by the draft");
    let mut line = |what: &str, of: fn(&Totals) -> usize| {
        let _ = writeln!(told, "{what:<24}{:>10}{:>12}", of(&report.before), of(&report.after));
    };
    line("answered", |totals| totals.answered);
    line("came to the recorder", |totals| totals.voicemail);
    line("neither", |totals| totals.other);
    line("cannot be known", |totals| totals.unknown);
    let rung = |totals: &Totals| per_call(totals.rung, calls);
    let _ = writeln!(told, "{:<24}{:>10.1}{:>12.1}", "phones rung per call", rung(&report.before), rung(&report.after));
    let mut whys: Vec<(String, usize)> = Vec::new();
    for one in &report.calls {
        if let ReplayOutcome::Unknown(why) = &one.replayed.after {
            match whys.iter_mut().find(|(known, _)| known == why) {
                Some((_, count)) => *count += 1,
                None => whys.push((why.clone(), 1)),
            }
        }
    }
    whys.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    if !whys.is_empty() {
        let _ = writeln!(told, "\nWhat cannot be known:");
    }
    for (why, count) in whys {
        let _ = writeln!(told, "{count:>6}  {why}");
    }
    if tells_calls {
        let _ = writeln!(told);
        for one in report.calls.iter().filter(|one| one.replayed.before != one.replayed.after) {
            let (before, after) = (one.replayed.before.as_str(), one.replayed.after.as_str());
            let at = one.arrived_at.format("%Y-%m-%d %H:%M:%S");
            let _ = writeln!(told, "{}  {at}  {}: {before}, by the draft {after}", one.call, one.brand);
        }
    }
    told
}
