//! Whole calls in virtual time, as the simulation plays them in the tests.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use crate::rules::RingMethod;
use crate::sandbox::simulation::{SimulationOptions, run};

/// The simulation runs at least so long.
const LASTS: Duration = Duration::from_secs(5);

/// Calls in one world.
const CALLS: u32 = 500;

/// Calls a second on this thread: five agents, so five legs a call, models of both platforms, faults, every invariant
/// checked.
pub(super) fn calls_per_second() -> anyhow::Result<f64> {
    let began = Instant::now();
    let (mut seed, mut calls) = (1, 0_u64);
    while began.elapsed() < LASTS {
        let options = SimulationOptions {
            seed,
            calls: CALLS,
            agents: 5,
            method: RingMethod::Legs,
            faults: true,
            ..SimulationOptions::default()
        };
        calls += run(&options).context("the simulation found a fault")?.calls;
        seed += 1;
    }
    ensure!(calls > 0, "nothing was simulated");
    Ok(f64::from(u32::try_from(calls)?) / began.elapsed().as_secs_f64())
}
