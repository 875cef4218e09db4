//! Whole calls in a faulty world, by the hundred thousand.

use offhook::rules::{DialStopsAt, RingMethod};
use offhook::sandbox::simulation::{SimulationOptions, run};

#[test]
fn one_run() {
    let seed = std::env::var("SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(1);
    let faults = std::env::var("FAULTS").is_ok();
    let n: u64 = std::env::var("RUNS").ok().and_then(|s| s.parse().ok()).unwrap_or(1);
    for method in [RingMethod::Legs, RingMethod::Dial, RingMethod::Auto] {
        for stops in [DialStopsAt::Accept, DialStopsAt::Answer] {
            for s in 0..n {
            let o = SimulationOptions { seed: seed + s, method, dial_stops_at: stops, faults, ..SimulationOptions::default() };
            match run(&o) {
                Ok(r) => if s + 1 == n { println!("{method:?} {stops:?} {r:?}") },
                Err(v) => panic!("{method:?} {stops:?} {v}"),
            }
            }
        }
    }
}
