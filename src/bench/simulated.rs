//! Whole calls in virtual time, as the simulation plays them in the tests.

use std::time::Instant;

use anyhow::{Context, ensure};

use crate::rules::RingMethod;
use crate::sandbox::simulation::{SimulationOptions, run};

/// Worlds played, each with a seed of its own, from 1.
const WORLDS: u64 = 100;

/// Calls in one world.
const CALLS: u32 = 500;

/// Legs of a whole call.
const LEGS: u64 = 5;

/// Whole calls of five legs a second on this thread, with models of both platforms, faults, and every invariant checked.
/// Some calls ring fewer phones, or none, and some ring phones again; so it is the phones rung that are counted, five to a
/// call.
pub(super) fn calls_per_second() -> anyhow::Result<f64> {
    let began = Instant::now();
    let (mut calls, mut rings) = (0, 0);
    for seed in 1..=WORLDS {
        let options = SimulationOptions {
            seed,
            calls: CALLS,
            agents: 5,
            method: RingMethod::Legs,
            faults: true,
            ..SimulationOptions::default()
        };
        let report = run(&options).context("the simulation found a fault")?;
        calls += report.calls;
        rings += report.rings;
    }
    let whole = calls.min(rings / LEGS);
    ensure!(whole > 0, "nothing was simulated");
    Ok(f64::from(u32::try_from(whole)?) / began.elapsed().as_secs_f64())
}
