//! Chance from a seed, with the distributions that people and callers follow.

use std::time::Duration;

use super::surge_world::Ms;

/// A small generator (splitmix64).
#[derive(Debug, Clone)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0xd134_2543_de82_ef95) ^ 0x9e37_79b9_7f4a_7c15)
    }

    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Above 0 and below 1.
    fn share(&mut self) -> f64 {
        let drawn = u32::try_from(self.draw() >> 32).unwrap_or(0);
        (f64::from(drawn) + 0.5) / (f64::from(u32::MAX) + 1.0)
    }

    /// True in `share` of a thousand draws.
    pub(super) fn hits(&mut self, share: u64) -> bool {
        self.draw() % 1_000 < share
    }

    /// Exponential, with this mean in milliseconds.
    pub(super) fn exponential(&mut self, mean_ms: f64) -> Ms {
        whole(-self.share().ln() * mean_ms)
    }

    /// Lognormal, with this median in milliseconds and this standard deviation of the logarithm.
    pub(super) fn lognormal(&mut self, (median_ms, spread): (f64, f64)) -> Ms {
        let (a, b) = (self.share(), self.share());
        // Box and Muller.
        let normal = (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos();
        whole((spread * normal).exp() * median_ms)
    }

    /// A span as a number to reckon with.
    pub(super) fn milliseconds_f64(ms: Ms) -> f64 {
        Duration::from_millis(ms).as_secs_f64() * 1_000.0
    }
}

fn whole(ms: f64) -> Ms {
    let span = Duration::try_from_secs_f64(ms / 1_000.0).unwrap_or_default();
    Ms::try_from(span.as_millis()).unwrap_or(Ms::MAX)
}
