//! What we believe of each agent's availability, and how old that belief is.
//!
//! Chatwoot tells nobody when an agent changes status, so Offhook asks: [`feed`] over the websocket every few seconds, over
//! REST while that is down. A hidden browser tab reads offline for 40 s of every minute, so what is asked cannot be
//! believed as it is: [`belief`] is the pure part that says what follows from it, and when. The room knows nothing of
//! shifts, rosters or calls. Source: DESIGN.md section 5; contracts/chatwoot.md section 7.
//!
//! ```
//! use chrono::{DateTime, TimeDelta};
//! use offhook::availability::belief::{Belief, Heard, Limits, Source, Status, Verdict};
//!
//! let now = DateTime::UNIX_EPOCH;
//! let mut sam = Belief::unknown(now);
//! sam.hear(Heard::cable(Some(Status::Online), now), TimeDelta::seconds(60));
//! sam.hear(Heard::cable(None, now + TimeDelta::seconds(3)), TimeDelta::seconds(60)); // the tab went quiet
//! let verdict = sam.is_available(now + TimeDelta::seconds(3), &Limits::default());
//! assert!(matches!(verdict, Verdict::Available { by: Source::Cable, .. }));
//! ```

pub mod belief;
pub mod contact_sync;
pub mod directory;
pub mod feed;
pub mod keeper;
pub mod phone_desk;
pub mod phone_note;
pub mod queue;

pub use belief::{Belief, Heard, Limits, PhoneSwitch, Reason, Source, Status, Verdict};
pub use feed::{AgentReport, AvailabilitySink, ContactReport, ContactSink, FeedSettings, FeedSinks};
