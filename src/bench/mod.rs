//! `offhook bench`: what this build does on this machine, each figure as `figure value unit`.
//!
//! The webhook that is measured is a voice webhook as Twilio sends it, 22 parameters signed: a new caller, unknown to
//! Chatwoot, dials an open brand whose five agents are online and whose phones are all held by the first call of the
//! run, so that the caller is put into the queue. The answer is sent after the commit (SQLite, WAL, `synchronous=FULL`)
//! of call, history, effect and answer. No workers run beside it; client and service share the machine's cores.
//!
//! - `webhook_per_second`: such webhooks over HTTP on 64 connections, each sending the next when the last is answered.
//! - `webhook_vs_ceiling`: that over what [`Store::save`](crate::store::Store::save) alone does with the very same rows,
//!   64 at a time into the same database by the same writer; rounds take turns, medians count.
//! - `webhook_growth`: the median wait for such a webhook, 64 at a time, in a database with 100,000 past calls over
//!   that in one without; rounds take turns.
//! - `cold_start`: from the start of the process until `/readyz` says yes, 100,000 calls stored; the median of some.
//! - `idle_memory`: what that process holds (`VmRSS`) after it has taken some calls, between both stand-ins.
//! - `simulated_calls`: whole calls of five legs a second on one core in the simulation of the tests: models of both
//!   platforms, faults, every invariant checked. Five phones rung count as a call. At least 2,000.
//! - `shortlist_50`: microseconds to say who of 50 agents rings, on one core; all are eligible, on shift and have a turn,
//!   open conversations and a skill that is asked for. Twenty such brands are asked in turn. At most 20.
//! - `shortlist_50_shared`, `shortlist_10000_shared`: the same while 20 other calls wait that want the same phones.
//! - `shortlist_growth_all`: that for 10,000 agents over that for 100, all eligible; at most 220. Turn by turn each roster is
//!   asked several times, once before the time is taken; medians count. What comes out where each is asked once a turn, and
//!   the small one is slowed by what the caches have lost meanwhile, is told besides.
//! - `shortlist_growth_one_percent`: the same with one eligible in a hundred, the others away for five reasons. At most 110.
//! - `rules_memory`: what `offhook serve` holds (`VmRSS`) with rules of 10,000 agents and 500 brands in force and nothing
//!   stored, after it has taken some calls: the whole process, not the rules alone. At most 60 MB.

mod ceiling;
mod company;
mod line;
mod load;
mod past;
mod process;
mod service;
mod shortlist;
mod simulated;
pub mod surge;
mod surge_chance;
mod surge_policy;
mod surge_world;

use std::fmt;
use std::io::Write;
use std::path::Path;

use anyhow::Context;

use crate::clock::{Clock, SystemClock};
use ceiling::Template;
use line::{Dialler, Line};
use load::{Round, median};
use service::{NUMBER, Service};

/// Requests or saves under way at one time.
const AT_A_TIME: usize = 64;
/// Webhooks and saves that no figure counts.
const WARM_UP: u32 = 640;
/// Rounds of each kind.
const ROUNDS: u32 = 9;
/// Webhooks, or saves, in a round.
const ROUND: u32 = 1_280;
/// Brands and agents of the large company, and brands that an agent takes calls of.
const COMPANY_BRANDS: usize = 500;
const COMPANY_AGENTS: usize = 10_000;
const BRANDS_EACH: usize = 3;
/// Those who called in the past, each several times.
const PAST_CALLERS: u32 = 20_000;

/// Figures that are measured together.
const SHORTLIST_FIGURES: [&str; 6] = [
    "shortlist_50",
    "shortlist_50_shared",
    "shortlist_10000",
    "shortlist_10000_shared",
    "shortlist_growth_all",
    "shortlist_growth_one_percent",
];

/// One measured figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// What.
    pub name: &'static str,
    /// How much.
    pub value: f64,
    /// Of what.
    pub unit: &'static str,
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = if self.value >= 100.0 { 0 } else { 2 };
        write!(f, "{} {:.digits$} {}", self.name, self.value, self.unit)
    }
}

/// What to measure.
#[derive(Debug, Clone)]
pub struct BenchOptions {
    /// Past calls in the database for growth and cold start.
    pub past_calls: u32,
    /// Only figures whose names begin so; all, if empty.
    pub only: String,
}

/// Measures in `folder`, and prints every figure as soon as it is there.
///
/// # Errors
/// When the service could not be started or answered wrongly.
pub async fn run(options: &BenchOptions, folder: &Path) -> anyhow::Result<()> {
    say(format_args!("# {}", machine()))?;
    let wants = |name: &str| name.starts_with(&options.only);
    if wants("webhook_per_second") || wants("webhook_vs_ceiling") {
        let fresh = folder.join("throughput.sqlite");
        remove(&fresh).await?;
        for figure in throughput(&fresh).await? {
            say(format_args!("{figure}"))?;
        }
    }
    if wants("simulated_calls") {
        let value = tokio::task::spawn_blocking(simulated::calls_per_second).await??;
        say(format_args!("{}", Figure { name: "simulated_calls", value, unit: "1/s" }))?;
    }
    if SHORTLIST_FIGURES.into_iter().any(wants) {
        let (figures, besides) = tokio::task::spawn_blocking(shortlist::figures).await??;
        for figure in figures {
            say(format_args!("{figure}"))?;
        }
        say(format_args!("# {besides}"))?;
    }
    if wants("rules_memory") {
        let large = folder.join("large.sqlite");
        remove(&large).await?;
        service::publish(&large, &company::routing(COMPANY_BRANDS, 0..COMPANY_AGENTS, BRANDS_EACH)?).await?;
        say_memory("rules_memory", process::watch_memory(&large).await?)?;
    }
    if wants("surge") {
        let rows = tokio::task::spawn_blocking(|| surge::compare(surge::SURGES)).await??;
        for line in surge::table(&rows).lines() {
            say(format_args!("# surge {line}"))?;
        }
    }
    let wants_past = ["webhook_growth", "cold_start", "idle_memory"].into_iter().any(wants);
    if wants_past {
        let past = folder.join("past.sqlite");
        if !past.exists() {
            past::fill(&past, options.past_calls).await.context("could not make up a past")?;
        }
        if wants("cold_start") || wants("idle_memory") {
            let served = folder.join("served.sqlite");
            copy_closed(&past, &served).await?;
            let seen = process::watch(&served).await?;
            say(format_args!("{}", Figure { name: "cold_start", value: seen.cold_start, unit: "ms" }))?;
            say_memory("idle_memory", seen.idle_memory)?;
        }
        if wants("webhook_growth") {
            let (none, grown) = (folder.join("none.sqlite"), folder.join("grown.sqlite"));
            remove(&none).await?;
            copy_closed(&past, &grown).await?;
            for figure in growth(&none, &grown).await? {
                say(format_args!("{figure}"))?;
            }
        }
    }
    say(format_args!("# {}", machine()))
}

fn say(line: fmt::Arguments<'_>) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{line}").context("could not print")
}

fn say_memory(name: &'static str, held: Option<f64>) -> anyhow::Result<()> {
    match held {
        Some(value) => say(format_args!("{}", Figure { name, value, unit: "MB" })),
        None => say(format_args!("# {name}: this system does not tell")),
    }
}

/// Cores and load, since both decide what the figures mean.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: Vec<&str> = load.split_whitespace().take(3).collect();
    format!("cores {cores}, load average {}", if load.is_empty() { "unknown".to_owned() } else { load.join(" ") })
}

/// Copies a database, so that the past stays as it was; what its writer has not carried over from the log yet goes along.
async fn copy_closed(from: &Path, to: &Path) -> anyhow::Result<()> {
    remove(to).await?;
    for ending in ["", "-wal"] {
        let name = |path: &Path| format!("{}{ending}", path.display());
        if tokio::fs::try_exists(name(from)).await? {
            tokio::fs::copy(name(from), name(to)).await?;
        }
    }
    Ok(())
}

/// Removes a database of an earlier run: its callers would be known, and their requests repeats.
async fn remove(database: &Path) -> anyhow::Result<()> {
    for ending in ["", "-wal", "-shm"] {
        let name = format!("{}{ending}", database.display());
        if tokio::fs::try_exists(&name).await? {
            tokio::fs::remove_file(&name).await?;
        }
    }
    Ok(())
}

/// Callers nobody has heard of yet.
struct Strangers(u32);

impl Strangers {
    fn take(&mut self, count: u32) -> Vec<Dialler> {
        let from = self.0;
        self.0 += count;
        (from..self.0).map(Dialler::new).collect()
    }

    fn requests(&mut self, count: u32) -> Vec<Vec<u8>> {
        self.take(count).iter().map(|dialler| dialler.voice_request(NUMBER)).collect()
    }
}

async fn throughput(path: &Path) -> anyhow::Result<Vec<Figure>> {
    let service = Service::start(path).await?;
    let mut strangers = Strangers(1);
    let mut line = Line::open(service.address).await?;
    // The first takes the phones; whoever comes after it waits.
    line.ring(&strangers.requests(1).concat()).await?;
    let sample = Dialler::new(0);
    let body = line.ring(&sample.voice_request(NUMBER)).await?;
    let template = Template::take(&service, &sample, body).await?;
    let stamp = |diallers: Vec<Dialler>| -> anyhow::Result<Vec<_>> {
        diallers.iter().map(|dialler| template.stamp(dialler, SystemClock.now())).collect()
    };
    let stamped = strangers.take(1);
    load::save(&service.store, 1, stamp(stamped.clone())?).await?;
    for dialler in &stamped {
        template.check(&service, &sample, dialler).await?;
    }
    load::send(service.address, AT_A_TIME, strangers.requests(WARM_UP)).await?;
    load::save(&service.store, AT_A_TIME, stamp(strangers.take(WARM_UP))?).await?;
    let (mut webhooks, mut saves) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        webhooks.push(load::send(service.address, AT_A_TIME, strangers.requests(ROUND)).await?.per_second());
        saves.push(load::save(&service.store, AT_A_TIME, stamp(strangers.take(ROUND))?).await?.per_second());
    }
    let alone = load::send(service.address, 1, strangers.requests(WARM_UP)).await?;
    service.stop().await;
    let (webhooks, saves) = (median(webhooks), median(saves));
    Ok(vec![
        Figure { name: "webhook_per_second", value: webhooks, unit: "1/s" },
        Figure { name: "ceiling_per_second", value: saves, unit: "1/s" },
        Figure { name: "webhook_vs_ceiling", value: webhooks / saves, unit: "ratio" },
        Figure { name: "webhook_alone", value: median_ms(&[alone]), unit: "ms" },
    ])
}

async fn growth(none: &Path, grown: &Path) -> anyhow::Result<Vec<Figure>> {
    let services = [Service::start(none).await?, Service::start(grown).await?];
    let mut strangers = Strangers(1);
    for service in &services {
        Line::open(service.address).await?.ring(&strangers.requests(1).concat()).await?;
        load::send(service.address, AT_A_TIME, strangers.requests(WARM_UP)).await?;
    }
    let mut rounds: [Vec<Round>; 2] = Default::default();
    for _ in 0..ROUNDS {
        for (service, rounds) in services.iter().zip(&mut rounds) {
            rounds.push(load::send(service.address, AT_A_TIME, strangers.requests(ROUND / 2)).await?);
        }
    }
    for service in services {
        service.stop().await;
    }
    let [none, many] = rounds.map(|rounds| median_ms(&rounds));
    Ok(vec![
        Figure { name: "webhook_median_fresh", value: none, unit: "ms" },
        Figure { name: "webhook_median_grown", value: many, unit: "ms" },
        Figure { name: "webhook_growth", value: many / none, unit: "ratio" },
    ])
}

fn median_ms(rounds: &[Round]) -> f64 {
    median(rounds.iter().flat_map(|round| &round.waits).map(|wait| wait.as_secs_f64() * 1_000.0).collect())
}
