//! What ops publish: brands, numbers, hours, shifts, ringing; and where a call may go out to.
//!
//! Pure: no clock, no chance, no input or output. An instant comes in as a value.

pub mod destination;
pub mod ringing;

pub use destination::{DestinationPolicy, DestinationRefused, DialTarget, RefusalReason};
pub use ringing::{DialStopsAt, RingMethod};
