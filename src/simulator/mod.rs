//! What would happen to one call: what the caller hears, who rings in which order, and why not the others.
//!
//! The call is decided by the same function as a live one; only the world around it is played. The carrier does what it is
//! asked at once, speech takes as long as it usually does, phones begin to ring two seconds after they are dialled, and
//! what agents do is told by whoever asks: by default nobody picks up, so that the caller goes the whole way.
//!
//! It refuses to know the time, the database and the carrier. Example: a [`Scenario`] of Acme on a Saturday evening gives
//! a [`Simulation`] whose steps are the closed greeting and the recorder, and whose explanation says of everybody that no
//! phone was looked for.

mod caller;
mod phones;
mod replay;
mod scenario;
mod world;

pub use replay::{Known, Line, Outcome as ReplayOutcome, Replayed, known_of, outcome_of, replay};
pub use scenario::{Behaviour, Heard, Outcome, Presses, Scenario, Simulation, Step, What, heard_in, spoken_for};
pub use world::simulate;

#[cfg(test)]
mod tests;
