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
use crate::simulator::{ReplayOutcome, Replayed};

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
    let _ = writeln!(told, "\n{:<24}{:>12}{:>16}", "", "as it was", "by the draft");
    let mut line = |what: &str, of: fn(&Totals) -> usize| {
        let _ = writeln!(told, "{what:<24}{:>12}{:>16}", of(&report.before), of(&report.after));
    };
    line("answered", |totals| totals.answered);
    line("came to the recorder", |totals| totals.voicemail);
    line("neither", |totals| totals.other);
    line("cannot be known", |totals| totals.unknown);
    let rung = |totals: &Totals| per_call(totals.rung, report.known);
    let _ = writeln!(told, "{:<24}{:>12.1}{:>16.1}", "phones rung per call", rung(&report.before), rung(&report.after));
    if report.known < calls {
        let _ = writeln!(told, "Phones are compared over the {} calls that are known on both sides.", report.known);
    }
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
        for one in report.calls.iter().filter(|one| one.replayed.is_worth_telling()) {
            let at = one.arrived_at.format("%Y-%m-%d %H:%M:%S UTC");
            let _ = writeln!(told, "{}  {at}  {}: {}", one.call, one.brand, tell_change(&one.replayed));
        }
    }
    told
}

/// What became of it, what would have, and why that is not known or what else differs.
fn tell_change(replayed: &Replayed) -> String {
    let (before, after) = (replayed.before.as_str(), replayed.after.as_str());
    match &replayed.after {
        ReplayOutcome::Unknown(why) => format!("{before}; by the draft it cannot be known: {why}"),
        ReplayOutcome::Answered | ReplayOutcome::Voicemail | ReplayOutcome::Other => {
            let (rung_before, rung_after) = (replayed.rung_before, replayed.rung_after);
            if replayed.before == replayed.after {
                format!("{before} either way; {rung_before} phones rang, by the draft {rung_after}")
            } else {
                format!("{before}, by the draft {after}; {rung_before} phones rang, by the draft {rung_after}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::ids::{BrandId, CallId};
    use crate::rehearsal::CallReplayed;

    #[test]
    fn calls_that_only_ring_other_phones_are_told_and_the_unknown_say_why() {
        let replayed =
            |rung_after, after| Replayed { rung_before: 5, rung_after, before: ReplayOutcome::Voicemail, after };
        let calls = [
            replayed(5, ReplayOutcome::Voicemail),
            replayed(2, ReplayOutcome::Voicemail),
            replayed(0, ReplayOutcome::Unknown("the call is not over".to_owned())),
        ];
        let of = |replayed| CallReplayed {
            call: CallId(uuid::Uuid::nil()),
            brand: BrandId::new("acme"),
            arrived_at: DateTime::UNIX_EPOCH,
            replayed,
        };
        let report = ReplayReport { known: 2, calls: calls.map(of).to_vec(), ..ReplayReport::default() };
        let told = print(&report, true);
        assert!(told.contains("as it was    by the draft"), "{told}");
        let lines: Vec<&str> = told.lines().filter(|line| line.contains("acme")).collect();
        assert_eq!(lines.len(), 2, "{told}");
        assert!(lines[0].ends_with("voicemail either way; 5 phones rang, by the draft 2"), "{told}");
        assert!(lines[1].ends_with("voicemail; by the draft it cannot be known: the call is not over"), "{told}");
    }
}
