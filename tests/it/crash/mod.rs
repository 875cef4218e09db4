//! The real binary, killed: at every crash point of every story, and at random under load. Then judged from outside.

mod judge;
mod people;
mod points;
#[cfg(feature = "soak")]
mod random;
