//! Whole calls in a faulty world, by the hundred thousand. Another seed: `OFFHOOK_SIMULATION_SEED=7`; more runs of each
//! kind: `OFFHOOK_SIMULATION_RUNS=200`.

use offhook::rules::{DialStopsAt, RingMethod};
use offhook::sandbox::simulation::{Arbiter, SimulationOptions, run};

const METHODS: [RingMethod; 3] = [RingMethod::Legs, RingMethod::Dial, RingMethod::Auto];
const READINGS: [DialStopsAt; 2] = [DialStopsAt::Accept, DialStopsAt::Answer];

/// Runs of 500 calls for each method under each reading, with faults.
const RUNS: u64 = 34;

#[expect(clippy::disallowed_methods, reason = "which seed a test begins with is no setting of the service")]
fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Every pairing of method and reading, `runs` times: calls that were made.
fn simulate(seed: u64, runs: u64, faults: bool) -> Result<u64, String> {
    let mut calls = 0;
    let mut crowds = [5_u32, 1, 3, 12, 8].into_iter().cycle();
    for step in 0..runs {
        let agents = crowds.next().unwrap_or(5);
        for method in METHODS {
            for dial_stops_at in READINGS {
                let options = SimulationOptions {
                    seed: seed + step,
                    agents,
                    method,
                    dial_stops_at,
                    faults,
                    ..SimulationOptions::default()
                };
                let named =
                    |violation| format!("{method:?}, dial stops at {dial_stops_at:?}, {agents} agents: {violation}");
                calls += run(&options).map_err(named)?.calls;
            }
        }
    }
    Ok(calls)
}

#[test]
fn calls_keep_every_promise_in_a_faulty_world() {
    let seed = number("OFFHOOK_SIMULATION_SEED", 1);
    let calls =
        simulate(seed, number("OFFHOOK_SIMULATION_RUNS", RUNS), true).unwrap_or_else(|violation| panic!("{violation}"));
    println!("simulated {calls} calls, seed {seed}");
    assert!(calls >= 100_000 || number("OFFHOOK_SIMULATION_RUNS", RUNS) < RUNS);
}

#[test]
fn calls_keep_every_promise_in_a_good_world() {
    let seed = number("OFFHOOK_SIMULATION_SEED", 1);
    let calls = simulate(seed, 5, false).unwrap_or_else(|violation| panic!("{violation}"));
    println!("simulated {calls} calls, seed {seed}");
}

#[test]
fn the_same_seed_tells_the_same_story() {
    let options = SimulationOptions { seed: 11, calls: 200, ..SimulationOptions::default() };
    let first = run(&options).unwrap();
    assert_eq!(first, run(&options).unwrap());
    assert_ne!(first, run(&SimulationOptions { seed: 12, ..options }).unwrap());
    assert!(first.conflicts > 0 && first.rings > 0);
}

#[test]
fn the_judge_sees_what_an_unsound_store_breaks() {
    for arbiter in [Arbiter::ForgetsVersions, Arbiter::ForgetsPhones, Arbiter::LosesEffects, Arbiter::PostsTwice] {
        let broken = (1..=40).find_map(|seed| {
            let options = SimulationOptions { seed, method: RingMethod::Legs, arbiter, ..SimulationOptions::default() };
            run(&options).err()
        });
        let violation = broken.unwrap_or_else(|| panic!("{arbiter:?} went unnoticed"));
        println!("{arbiter:?}: invariant {} ({}), seed {}", violation.invariant, violation.what, violation.seed);
    }
}
