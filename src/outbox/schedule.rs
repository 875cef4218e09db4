//! How long to wait before an effect is tried again.

use chrono::TimeDelta;

/// An effect that failed for so long is given up and shown to a person. Source: RELIABILITY.md P-D3.
pub(super) const GIVE_UP_AFTER: TimeDelta = TimeDelta::hours(72);

/// Pauses after the first, second, … failure; the last one repeats. Source: RELIABILITY.md P-D3.
const PAUSES: [TimeDelta; 7] = [
    TimeDelta::seconds(1),
    TimeDelta::seconds(5),
    TimeDelta::seconds(30),
    TimeDelta::minutes(2),
    TimeDelta::minutes(10),
    TimeDelta::minutes(30),
    TimeDelta::hours(1),
];

/// The pause after `failures` earlier failures, spread over its second half so that many rows that failed together do
/// not come back together. `seed` tells rows apart.
pub(super) fn pause_after(failures: u32, seed: i64) -> TimeDelta {
    let index = usize::try_from(failures).unwrap_or(usize::MAX).min(PAUSES.len() - 1);
    let longest = PAUSES.get(index).copied().unwrap_or(TimeDelta::hours(1));
    let mixed = seed.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(i64::from(failures)).rem_euclid(1000);
    longest / 2 + TimeDelta::microseconds(longest.num_milliseconds() / 2 * mixed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_stay_within_their_bounds() {
        for (failures, longest) in PAUSES.iter().enumerate() {
            for seed in 0..50 {
                let pause = pause_after(u32::try_from(failures).unwrap(), seed);
                assert!(pause >= *longest / 2 && pause <= *longest, "{pause} after {failures} failures");
            }
        }
        assert!(pause_after(1000, 7) <= TimeDelta::hours(1));
    }
}
