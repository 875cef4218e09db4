//! A whole-call simulation: the real core against models of the carrier, of people and of a faulty world.
//!
//! Virtual time, one thread, one seed. Models of Twilio, of phones and of the inbox bring signals and carry out effects
//! as the switchboard and the outbox do; the judge looks only at what the models saw. Contract twilio.md sections 3, 4, 14.
//!
//! ```no_run
//! use offhook::sandbox::simulation::{SimulationOptions, run};
//!
//! let report = run(&SimulationOptions { seed: 7, ..SimulationOptions::default() }).unwrap();
//! println!("{} calls, {:?}", report.calls, report.endings);
//! ```

mod agenda;
mod brands;
mod callers;
mod chance;
mod codes;
mod desk;
mod judge;
mod lines;
mod outbox;
mod outside;
mod prompts;
mod recorder;
mod shelf;
mod words;
mod world;

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};

use crate::rules::{DialStopsAt, RingMethod};
use world::World;

/// Virtual milliseconds since the simulation began.
type Ms = i64;

/// What the simulated brands say. Milliseconds.
const MAX_WAIT_MS: Ms = 25_000;
const COOLDOWN_MS: Ms = 15_000;

/// A Tuesday, 10:00 UTC.
const BEGINS_AT_MS: Ms = 1_795_514_400_000;

/// What to simulate.
#[derive(Debug, Clone)]
pub struct SimulationOptions {
    /// The same seed gives the same run.
    pub seed: u64,
    /// Calls to simulate; a few hundred in one world is plenty.
    pub calls: u32,
    /// Agents, 1 to 50; one more whose phone nobody verified is always there.
    pub agents: u32,
    /// Which reading of the carrier's documentation is true; the service is told so.
    pub dial_stops_at: DialStopsAt,
    /// How phones are rung.
    pub method: RingMethod,
    /// Whether anything goes wrong.
    pub faults: bool,
    /// How well the store and the outbox keep their promises.
    pub arbiter: Arbiter,
}

impl Default for SimulationOptions {
    fn default() -> Self {
        Self {
            seed: 1,
            calls: 500,
            agents: 5,
            dial_stops_at: DialStopsAt::Accept,
            method: RingMethod::Auto,
            faults: true,
            arbiter: Arbiter::Sound,
        }
    }
}

/// Whether the store keeps its promises. The unsound ones show that the judge sees what they break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Arbiter {
    /// As the real one.
    #[default]
    Sound,
    /// Saves a call that changed meanwhile.
    ForgetsVersions,
    /// Lets one phone have two live legs.
    ForgetsPhones,
    /// Loses an effect in fifty.
    LosesEffects,
    /// Posts without looking whether it has posted before.
    PostsTwice,
    /// Takes another key, and silence, for the 1 that accepts.
    TakesAnything,
}

/// What came of a simulation in which nothing was amiss.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SimulationReport {
    /// Calls that were made.
    pub calls: u64,
    /// Signals decided on.
    pub signals: u64,
    /// Saves that were refused and decided again.
    pub conflicts: u64,
    /// Times a phone rang.
    pub rings: u64,
    /// How the calls ended, by the word.
    pub endings: BTreeMap<&'static str, u64>,
    /// Why agents were not rung, by the word: lines of decision records.
    pub reasons: BTreeMap<&'static str, u64>,
    /// Times that an offer went past somebody whom open conversations push back.
    pub passed_over: u64,
}

/// The first broken promise of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The seed that shows it again.
    pub seed: u64,
    /// Which call, from 0.
    pub call: usize,
    /// When, in virtual milliseconds.
    pub at_ms: i64,
    /// Which invariant of DESIGN.md section 11.
    pub invariant: u8,
    /// What the call did.
    pub what: String,
    /// Everything that happened to the call, one line each.
    pub ladder: Vec<String>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "seed {}: invariant {}: call {} {} (at {} ms)",
            self.seed, self.invariant, self.call, self.what, self.at_ms
        )?;
        self.ladder.iter().try_for_each(|rung| writeln!(f, "{rung}"))
    }
}

impl std::error::Error for Violation {}

/// What goes wrong, in thousandths.
#[derive(Debug, Clone, Copy, Default)]
struct Faults {
    request_fails: u32,
    dies_after_save: u32,
    dies_in_delivery: u32,
    replicas_race: u32,
    repeats: u32,
    callback_lost: u32,
    callback_late: u32,
    rest_fails: u32,
    rest_refuses: u32,
    rest_unknown: u32,
    inbox_reply_lost: u32,
}

impl Faults {
    fn all() -> Self {
        Self {
            request_fails: 3,
            dies_after_save: 3,
            dies_in_delivery: 6,
            replicas_race: 200,
            repeats: 20,
            callback_lost: 15,
            callback_late: 30,
            rest_fails: 15,
            rest_refuses: 15,
            rest_unknown: 10,
            inbox_reply_lost: 30,
        }
    }
}

/// Simulates `options.calls` calls.
///
/// # Errors
/// The first violation, with the ladder of its call.
pub fn run(options: &SimulationOptions) -> Result<SimulationReport, Box<Violation>> {
    let mut world = build(options)?;
    match world.run() {
        Ok(()) => Ok(SimulationReport {
            calls: u64::try_from(world.callers.len()).unwrap_or(u64::MAX),
            signals: world.signals,
            conflicts: world.conflicts,
            rings: world.rings,
            endings: world.endings,
            reasons: world.reasons,
            passed_over: world.passed_over,
        }),
        Err(violation) => {
            // The same once more, this time with the call's ladder.
            let mut again = build(options)?;
            again.write_ladder_of(violation.call);
            Err(Box::new(again.run().err().unwrap_or(violation)))
        }
    }
}

fn build(options: &SimulationOptions) -> Result<World, Box<Violation>> {
    let broken = |what: String| {
        Box::new(Violation { seed: options.seed, call: 0, at_ms: 0, invariant: 0, what, ladder: Vec::new() })
    };
    let rules = brands::write_rules(options.agents, options.seed).map_err(broken)?;
    let own = rules.numbers.first().map(|number| number.number.clone());
    let own = own.ok_or_else(|| broken("there is no number".to_owned()))?;
    Ok(World::new(options, rules, own))
}

/// The instant of a virtual millisecond.
fn instant(ms: Ms) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(BEGINS_AT_MS + ms).unwrap_or_default()
}
