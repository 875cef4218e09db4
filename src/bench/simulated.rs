//! Whole calls in virtual time, as the simulation plays them in the tests.

use std::time::Instant;

use anyhow::{Context, ensure};

use crate::rules::RingMethod;
use crate::sandbox::simulation::{SimulationOptions, run};

/// Worlds played, each with a seed of its own, from 1.
const WORLDS: u64 = 100;

/// Calls in one world.
const CALLS: u32 = 500;

/// Calls a second on this thread: five agents, so five legs a call, models of both platforms, faults, every invariant
/// checked.
pub(super) fn calls_per_second() -> anyhow::Result<f64> {
    let began = Instant::now();
    let mut calls = 0_u64;
    for seed in 1..=WORLDS {
        let options = SimulationOptions {
            seed,
            calls: CALLS,
            agents: 5,
            method: RingMethod::Legs,
            faults: true,
            ..SimulationOptions::default()
        };
        calls += run(&options).context("the simulation found a fault")?.calls;
    }
    ensure!(calls > 0, "nothing was simulated");
    Ok(f64::from(u32::try_from(calls)?) / began.elapsed().as_secs_f64())
}
