//! Where the time and fresh identifiers come from: the only file that asks for either.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

/// Tells the time. Injected, so that tests turn it by hand.
pub trait Clock: Send + Sync + 'static {
    /// The present instant, to the microsecond.
    fn now(&self) -> DateTime<Utc>;
}

/// Draws identifiers nobody can guess. Injected, so that a run can be repeated.
pub trait IdSource: Send + Sync + 'static {
    /// A fresh identifier that sorts by `now`.
    fn draw(&self, now: DateTime<Utc>) -> Uuid;
}

/// The machine's own clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks for the time")]
    fn now(&self) -> DateTime<Utc> {
        let now = Utc::now();
        // Databases keep microseconds; a finer instant would not compare equal after a round trip.
        DateTime::from_timestamp_micros(now.timestamp_micros()).unwrap_or(now)
    }
}

/// Draws from the operating system's generator.
#[derive(Debug, Default, Clone, Copy)]
pub struct RandomIds;

impl IdSource for RandomIds {
    #[expect(clippy::disallowed_methods, reason = "the one place that draws identifiers")]
    fn draw(&self, now: DateTime<Utc>) -> Uuid {
        let millis = u64::try_from(now.timestamp_millis()).unwrap_or(0);
        let drawn = Uuid::new_v4();
        uuid::Builder::from_unix_timestamp_millis(millis, &random_tail(drawn)).into_uuid()
    }
}

/// A clock that stands still until it is turned.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    /// Stands at `start`.
    #[must_use]
    pub fn new(start: DateTime<Utc>) -> Self {
        Self(Arc::new(AtomicI64::new(start.timestamp_micros())))
    }

    /// Moves to `instant`, which may lie in the past.
    pub fn set(&self, instant: DateTime<Utc>) {
        self.0.store(instant.timestamp_micros(), Ordering::SeqCst);
    }

    /// Moves by `span`, which may be negative.
    pub fn advance(&self, span: TimeDelta) {
        self.0.fetch_add(span.num_microseconds().unwrap_or(0), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0.load(Ordering::SeqCst)).unwrap_or_default()
    }
}

/// Identifiers that count upwards: a run with the same seed draws the same ones.
#[derive(Debug)]
pub struct CountedIds {
    seed: u64,
    next: AtomicU64,
}

impl CountedIds {
    /// Starts counting; two sources with the same seed draw the same identifiers.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed, next: AtomicU64::new(1) }
    }
}

impl IdSource for CountedIds {
    fn draw(&self, now: DateTime<Utc>) -> Uuid {
        let millis = u64::try_from(now.timestamp_millis()).unwrap_or(0);
        let count = self.next.fetch_add(1, Ordering::SeqCst);
        let mixed = Uuid::from_u64_pair(self.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15), count);
        uuid::Builder::from_unix_timestamp_millis(millis, &random_tail(mixed)).into_uuid()
    }
}

/// The last ten bytes, which a version 7 identifier fills with chance.
fn random_tail(drawn: Uuid) -> [u8; 10] {
    let mut tail = [0_u8; 10];
    for (to, from) in tail.iter_mut().zip(drawn.as_bytes().iter().rev()) {
        *to = *from;
    }
    tail
}
