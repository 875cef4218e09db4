//! Who rings, in which order, and why not the others.
//!
//! A pure function of rules, facts and the call. The same function serves live calls, the simulator and the replay.

pub mod facts;
mod record;

pub use record::{Listed, NotEligible, Place, ShortlistRecord};
