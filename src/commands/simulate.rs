//! `offhook simulate`: what a caller would hear, who would ring in which order, and why not the others.

use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};

use crate::app::account_limits;
use crate::call::event::{Ending, FallbackReason};
use crate::clock::{Clock, SystemClock};
use crate::config::Settings;
use crate::ids::BrandId;
use crate::phone_number::{Caller, parse_phone_number};
use crate::rehearsal::{AgentsStand, Rehearsal, read_at, read_from, read_keys, rehearse};
use crate::rules::Rules;
use crate::simulator::{Heard, Outcome, Simulation, What};

/// Which call.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Whom the caller dials.
    #[arg(long)]
    pub brand: String,
    /// Which of the brand's numbers; its first, unless said.
    #[arg(long)]
    pub number: Option<String>,
    /// When the call arrives, on the brand's clocks or with an offset; now, unless said.
    #[arg(long, value_name = "2026-11-28T18:30")]
    pub at: Option<String>,
    /// Who calls, or `anonymous`; a withheld number, unless said.
    #[arg(long, value_name = "+1…")]
    pub from: Option<String>,
    /// What the caller presses: a key for each prompt, - for silence. While the caller waits, each stretch of six seconds is
    /// a prompt.
    #[arg(long, default_value = "", allow_hyphen_values = true)]
    pub press: String,
    /// How agents stand: as they are at this moment, or free and available whenever they are on shift. As scheduled when a
    /// time is given.
    #[arg(long)]
    pub agents: Option<Stand>,
    /// A routing file to play it by, instead of the rules in force.
    #[arg(long, value_name = "FILE")]
    pub draft: Option<PathBuf>,
}

/// How agents stand.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum Stand {
    /// As they are at this moment.
    Now,
    /// Free and available whenever they are on shift.
    Scheduled,
}

/// Prints what would happen. Nothing is written and no phone rings.
///
/// # Errors
/// No rules, no such brand or number, a time or keys that cannot be read; or the store fails.
pub async fn run(args: Args, settings: Settings) -> anyhow::Result<ExitCode> {
    let desk = super::open_desk(&settings).await?;
    let store = super::open_store(&settings).await?;
    let destinations = settings.destinations.policy();
    let rules = match &args.draft {
        Some(path) => Arc::new(super::read_routing(path, &destinations)?),
        None => match desk.load_in_force().await? {
            Some((_, rules)) => rules,
            None => bail!("no rules were ever published; give a routing file with --draft, or `offhook import` one"),
        },
    };
    let rehearsal = read(&args, &rules)?;
    let carrier = account_limits(&settings).facts(true);
    let simulation = rehearse(store.as_ref(), &rules, &destinations, carrier, &rehearsal)
        .await
        .context("could not play the call")?;
    std::io::stdout().write_all(print(&simulation, &rules, &rehearsal).as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn read(args: &Args, rules: &Rules) -> anyhow::Result<Rehearsal> {
    let brand = BrandId::new(&args.brand);
    let Some(known) = rules.brand(&brand) else {
        let names: Vec<&str> = rules.brands.iter().map(|brand| brand.id.as_str()).collect();
        bail!("there is no brand `{}`; these rules have {}", args.brand, names.join(", "));
    };
    let at = match &args.at {
        None => SystemClock.now(),
        Some(text) => read_at(text, known.time_zone).map_err(|allowed| anyhow!("--at {text}: expected {allowed}"))?,
    };
    let number = match &args.number {
        None => None,
        Some(text) => Some(
            parse_phone_number(text).map_err(|_| anyhow!("--number {text}: expected a number such as +15550100002"))?,
        ),
    };
    let keys = read_keys(&args.press).map_err(|allowed| anyhow!("--press {}: expected {allowed}", args.press))?;
    let agents = match args.agents {
        Some(Stand::Now) => AgentsStand::AsNow,
        Some(Stand::Scheduled) => AgentsStand::AsScheduled,
        None if args.at.is_some() => AgentsStand::AsScheduled,
        None => AgentsStand::AsNow,
    };
    let caller = match &args.from {
        None => Caller::Withheld,
        Some(text) => read_from(text).map_err(|allowed| anyhow!("--from {text}: expected {allowed}"))?,
    };
    Ok(Rehearsal { brand, number, at, caller, keys, agents })
}

fn print(simulation: &Simulation, rules: &Rules, rehearsal: &Rehearsal) -> String {
    let mut told = String::new();
    if let Some(brand) = rules.brand(&rehearsal.brand) {
        let wall = crate::rules::zone::wall(brand.time_zone, rehearsal.at);
        let wall = wall.map_or_else(String::new, |wall| wall.format("%A %-d %B %Y, %H:%M:%S").to_string());
        let stand = match rehearsal.agents {
            AgentsStand::AsNow => "as they are now",
            AgentsStand::AsScheduled => "free whenever they are on shift",
        };
        let _ = writeln!(told, "A call for {}, {wall} in {}; agents {stand}.\n", brand.name, brand.time_zone);
    }
    let name =
        |agent: &crate::ids::AgentId| rules.agent(agent).map_or_else(|| agent.to_string(), |agent| agent.name.clone());
    for step in &simulation.steps {
        let said = match &step.what {
            What::Hears(Heard::Words(words)) => format!("the caller hears: {words}"),
            What::Hears(Heard::Audio(address)) => format!("the caller hears the recording at {address}"),
            What::Hears(Heard::Ringback) => "the caller hears ringback".to_owned(),
            What::Hears(Heard::Tone) => "the caller hears the tone, and may leave a message".to_owned(),
            What::Hears(Heard::Refusal) => "the caller hears the refusal tone".to_owned(),
            What::Presses(key) => format!("the caller presses {key}"),
            What::Rings(agent) => format!("{} is rung", name(agent)),
            What::Stops(agent, _) => format!("{}'s phone stops", name(agent)),
            What::LineRings(number) => format!("{} is rung, outside the roster", number.as_e164()),
            What::Meets(agent) => format!("{} and the caller meet", name(agent)),
            What::Leaves => "the caller hangs up".to_owned(),
        };
        let tenths = step.after.num_milliseconds() / 100;
        let _ = writeln!(told, "{:>4}.{} s  {said}", tenths / 10, tenths % 10);
    }
    let end = match &simulation.outcome {
        Outcome::Answered(agent) => format!("{} answers.", name(agent)),
        Outcome::Recorder => format!("{}: the caller comes to the recorder.", why_recorded(simulation.call.fallback)),
        Outcome::Ended(ending) => tell_end(*ending).to_owned(),
        Outcome::Open => "The call comes to no end, which is a fault of ours.".to_owned(),
    };
    let _ = writeln!(told, "\n{end}");
    if simulation.keys_unused > 0 {
        let unused = rehearsal.keys.iter().skip(rehearsal.keys.len().saturating_sub(simulation.keys_unused));
        let unused: Vec<String> = unused.map(|key| key.unwrap_or('-').to_string()).collect();
        let _ = writeln!(told, "Nothing listened for the last of --press: {}", unused.join(" "));
    }
    let _ = writeln!(told, "\nThe call's history would then say:\n");
    let agents = simulation.explanation.agents.iter().map(|(_, sentence)| sentence);
    for sentence in simulation.explanation.call.iter().chain(agents) {
        let _ = writeln!(told, "{sentence}");
    }
    told
}

fn why_recorded(why: Option<FallbackReason>) -> &'static str {
    match why {
        Some(FallbackReason::Closed) => "The brand is closed",
        Some(FallbackReason::CallerChose) => "The caller asks for it",
        Some(FallbackReason::Flood) => "Too many calls came from this caller",
        Some(FallbackReason::NobodyEligible) => "Nobody can be rung",
        Some(FallbackReason::Caps) => "The account carries no more phones",
        Some(FallbackReason::Deadline | FallbackReason::NobodyLeft | FallbackReason::Outage) | None => {
            "Nobody picks up"
        }
    }
}

fn tell_end(ending: Ending) -> &'static str {
    match ending {
        Ending::Answered => "An agent answers.",
        Ending::Voicemail => "The caller leaves a message.",
        Ending::Missed => "Nobody picks up, and the call is over.",
        Ending::Abandoned => "The caller hangs up.",
        Ending::AfterHoursMessage => "The brand is closed: the caller hears so, and the call is over.",
        Ending::Redirected => "The call ends at the line outside the roster.",
        Ending::Blocked => "The call is refused: the contact is blocked.",
        Ending::Failed => "A fault of ours ends the call.",
        Ending::Supervisor => "It is a supervisor's own call.",
    }
}
