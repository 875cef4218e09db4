//! What ops publish: brands, numbers, hours, shifts, ringing; and where a call may go out to.
//!
//! Pure: no clock, no chance, no input or output. An instant comes in as a value.
//!
//! ```
//! use offhook::rules::{file, hours};
//!
//! let rules = file::parse("routing.toml", include_str!("../../examples/routing.toml")).unwrap();
//! let brand = rules.brand_of(&"+15550100002".parse().unwrap()).unwrap();
//! let monday_noon = "2026-11-23T12:00:00-05:00".parse().unwrap();
//! assert!(hours::is_open(&brand.hours, brand.time_zone, monday_noon));
//! ```

use std::time::Duration;

use chrono_tz::Tz;

use crate::ids::{AgentId, BrandId, IntentId};
use crate::phone_number::PhoneNumber;

mod apart;
mod brand;
pub mod calendar;
mod calendar_status;
pub mod copy;
pub mod coverage;
pub mod destination;
pub mod diff;
mod export;
mod fault;
pub mod file;
mod file_brand;
mod file_calendar;
mod file_menu;
mod file_path;
mod file_people;
mod forms;
#[cfg(test)]
mod generated;
pub mod holidays;
pub mod hours;
mod index;
pub mod json;
pub mod lint;
mod lint_brand;
mod lint_coverage;
mod lint_paths;
mod lint_people;
mod lint_reach;
pub mod menu;
mod node;
pub mod outbound;
pub mod path;
pub mod people;
pub mod placeholder;
pub mod promise;
mod reader;
pub mod ringing;
mod seen;
pub mod shifts;
pub mod spoken;
mod timetable;
mod traits;
mod tree;
mod week;
pub mod zone;

pub use calendar::{AfterHours, Calendar, ClosureKind, HolidayList, OpenRule, Status};
pub use destination::{DestinationPolicy, DestinationRefused, DialTarget, RefusalReason};
pub use export::export;
pub use hours::{DayInterval, Interval, WeeklyHours};
pub use index::{Index, Member};
pub use menu::{Intent, Menu, MenuOption, Prompt};
pub use path::{OperatorLine, Path, PathKind};
pub use people::{Absence, Floods, Pausing, Promise, PromiseDue, ShiftDay, Supervisor};
pub use ringing::{DialStopsAt, RingMethod};
pub use traits::{ShiftsAt, Traits, Wanted};

/// One published version of all rules. A call keeps the version it arrived with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Counts up from 1 with every publish.
    pub version: u32,
    /// In the order of the file; ids and inboxes are unique.
    pub brands: Vec<Brand>,
    /// In the order of the file; numbers are unique, brands exist.
    pub numbers: Vec<Number>,
    /// In the order of the file; ids and phones are unique, and no phone is one of our own numbers.
    pub agents: Vec<Agent>,
    /// Named lists of days that brands refer to; ids are unique.
    pub holidays: Vec<HolidayList>,
    /// Who may override; ids are unique.
    pub supervisors: Vec<Supervisor>,
    /// How floods are met.
    pub floods: Floods,
    /// When agents who keep missing calls are put aside.
    pub pausing: Pausing,
    /// Where everything stands; made when first asked for.
    pub index: Index,
}

/// Whom a customer dials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brand {
    /// Stands in the label `brand-<id>`: lower-case letters, digits and dashes, at most 40.
    pub id: BrandId,
    /// Spoken and shown.
    pub name: String,
    /// Name of its inbox in Chatwoot.
    pub inbox: String,
    /// The inbox's number there, if it is known; it is found by name otherwise.
    pub inbox_id: Option<i64>,
    /// The zone of its hours, and of the times in its notes.
    pub time_zone: Tz,
    /// When it is open; empty means always.
    pub hours: WeeklyHours,
    /// What differs from the week.
    pub calendar: Calendar,
    /// What callers get while it is closed.
    pub after_hours: AfterHours,
    /// What callers may choose from, if anything.
    pub menu: Option<Menu>,
    /// What callers call about; ids are unique. May be there without a menu, for numbers that name one.
    pub intents: Vec<Intent>,
    /// When nobody takes the call: voicemail, message, number or operator.
    pub fallback: Path,
    /// Where overrides and the operator path lead.
    pub operator: Option<OperatorLine>,
    /// What callers whom nobody answered are promised.
    pub promise: Option<Promise>,
    /// Language of what is spoken, such as `en-US`.
    pub language: String,
    /// The carrier's voice that speaks, such as `Polly.Joanna`; its standard voice otherwise.
    pub voice: Option<String>,
    /// What callers hear.
    pub texts: Texts,
    /// From the first offer until the fallback; 5 to 90 s.
    pub max_wait: Duration,
    /// How its phones are rung, if not as the account says.
    pub ring_method: Option<RingMethod>,
    /// Phones rung together; all, if absent. 1 to 100.
    pub ring_width: Option<u32>,
    /// After which the next `ring_width` phones join; 3 to 60 s.
    pub wave_interval: Duration,
    /// Places that one open conversation pushes an agent back; 0 to 10.
    pub queue_bias: u32,
    /// Rest after an answered call; 0 to 600 s.
    pub cooldown: Duration,
    /// Rest after a decline; 0 to 600 s.
    pub after_decline: Duration,
    /// Rest after a no answer; 0 to 600 s.
    pub after_no_answer: Duration,
    /// Rest after a busy; 0 to 600 s.
    pub after_busy: Duration,
    /// Whether a caller waits for agents who are on a call. Source: DESIGN.md section 2.6.
    pub wait_for_on_call: bool,
    /// What becomes of a call nobody takes.
    pub voicemail: Voicemail,
    /// Whether conversations are recorded.
    pub recording: Recording,
    /// People who agreed to be rung whatever their state, when the database is down. At most ten, may be empty.
    pub emergency_numbers: Vec<PhoneNumber>,
    /// Who may be rung for it; unique, may be empty, every agent exists.
    pub roster: Vec<AgentId>,
}

/// What callers hear, each 1 to 500 characters of plain words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Texts {
    /// Before the ringing, if anything.
    pub greeting: Option<String>,
    /// Before the tone. May hold [`placeholder::OPENS`], as may `closed` and the words of paths.
    pub voicemail_greeting: String,
    /// While waiting, between the ringing.
    pub waiting: Option<String>,
    /// Out of hours, before the voicemail.
    pub closed: String,
    /// To callers whom nobody answered: when they are called back.
    pub callback_promise: Option<String>,
}

impl Texts {
    /// Said by a closed brand that gives no words of its own; when it opens is added where that is known.
    pub const CLOSED: &'static str = "We are closed right now. Please leave a message after the tone.";
}

/// Voicemail of a brand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Voicemail {
    /// Longest message; 5 to 600 s.
    pub max_length: Duration,
    /// Whether the carrier writes it down. It does so for at most 120 s.
    pub transcribe: bool,
    /// The key that leads there from waiting: a digit or `#`, since `*` is the supervisor's.
    pub key: Option<char>,
}

/// Whether conversations are recorded. Without a notice nothing is, which is why the notice stands here.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Recording {
    /// They are not.
    #[default]
    Off,
    /// They are, after the notice.
    On {
        /// What callers hear before anything can be recorded; 1 to 500 characters.
        notice: String,
        /// Days until it is deleted; 1 to 3650.
        retention_days: u32,
    },
}

/// A number that customers dial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number {
    /// The number, at the carrier.
    pub number: PhoneNumber,
    /// Whose it is.
    pub brand: BrandId,
    /// What its callers call about, without asking them; the menu is left out then.
    pub intent: Option<IntentId>,
}

/// Somebody who takes calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// Lower-case letters, digits and dashes, at most 40.
    pub id: AgentId,
    /// Spoken and shown.
    pub name: String,
    /// Who this is in Chatwoot; an address or a number, or both.
    pub email: Option<String>,
    /// The user's number in Chatwoot.
    pub chatwoot_user_id: Option<i64>,
    /// The ordinary phone that rings.
    pub phone: PhoneNumber,
    /// Whether the phone is known to be theirs; it is not rung otherwise. From a file, whoever imports it vouches.
    pub phone_verified: bool,
    /// Who says so, for the audit; the import itself if absent.
    pub vouched_by: Option<String>,
    /// The zone of the shift.
    pub time_zone: Option<Tz>,
    /// When they work; always, if absent.
    pub shift: Option<WeeklyHours>,
    /// Dates on which they work at other times, in order of date, each date once.
    pub shift_days: Vec<ShiftDay>,
    /// When they do not work, in order.
    pub absences: Vec<Absence>,
    /// What says whether they take calls now.
    pub availability: AvailabilitySource,
    /// Unique; may be empty.
    pub skills: Vec<String>,
}

/// What says whether an agent takes calls now. Source: DESIGN.md section 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum AvailabilitySource {
    /// Chatwoot's status: only `online` takes calls.
    #[default]
    Follow,
    /// A switch of their own.
    OwnSwitch,
}

impl Rules {
    /// The brand of a dialled number.
    #[must_use]
    pub fn brand_of(&self, number: &PhoneNumber) -> Option<&Brand> {
        self.brand(&self.number(number)?.brand)
    }

    /// A number of the brand, shown to those it calls: the first in the file.
    #[must_use]
    pub fn number_of(&self, brand: &BrandId) -> Option<&PhoneNumber> {
        self.numbers.iter().find(|number| number.brand == *brand).map(|number| &number.number)
    }
}
