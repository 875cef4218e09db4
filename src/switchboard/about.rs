//! What is known of a caller and of the brand when a call arrives.

use chrono::{DateTime, TimeDelta, Utc};

use crate::call::event::{Event, FallbackReason};
use crate::call::{BrandFacts, CallerFacts};
use crate::phone_number::Caller;
use crate::rules::Brand;
use crate::store::Arrival;

/// A contact that there is only because somebody called is somebody the team knows after so long.
const ACQUAINTED_AFTER: TimeDelta = TimeDelta::hours(24);

/// What is known of a caller and of the brand when a call arrives; nothing is for any later signal.
#[derive(Debug, Clone, Copy, Default)]
pub struct About {
    /// The caller.
    pub caller: CallerFacts,
    /// The brand.
    pub brand: BrandFacts,
}

impl About {
    /// What an answer of the store says.
    #[must_use]
    pub fn of(caller: &Caller, arrival: &Arrival, now: DateTime<Utc>) -> Self {
        let has_number = matches!(caller, Caller::Known(_));
        Self {
            caller: CallerFacts {
                is_blocked: arrival.contact.as_ref().is_some_and(|contact| contact.blocked),
                is_contact: is_acquaintance(arrival, now),
                recent_calls: if has_number { arrival.recent_calls } else { 0 },
                talks: arrival.talks,
            },
            brand: BrandFacts {
                overridden_until: arrival.overridden_until,
                flood_until: arrival.flood_until,
                withheld_recent: if has_number { 0 } else { arrival.recent_calls },
            },
        }
    }
}

/// Whether the team knows the number. A contact that a call of ours made counts once it is [`ACQUAINTED_AFTER`] old: in a
/// declared flood, at its beginning. Otherwise every robot would be known from its second call on.
fn is_acquaintance(arrival: &Arrival, now: DateTime<Utc>) -> bool {
    let by = arrival.flood_since.unwrap_or(now);
    arrival.contact.is_some() && arrival.contact_made_at.is_none_or(|at| at + ACQUAINTED_AFTER <= by)
}

/// An override that leads nowhere is told: its callers go to the team.
pub(super) fn warn_of_missing_line(brand: &Brand, events: &[Event]) {
    let is_overridden = events.iter().any(|event| matches!(event, Event::FoundOverridden { .. }));
    if is_overridden && brand.operator.is_none() {
        metrics::counter!("offhook_override_without_line_total").increment(1);
        tracing::error!(brand = %brand.id, "the brand is overridden and has no operator line");
    }
}

/// Calls that a limit kept from ringing are counted: an alarm is set on what nobody would otherwise see.
pub(super) fn count_refusals(brand: &Brand, events: &[Event]) {
    for event in events {
        if let Event::FloodRefused { by, calls, limit, .. } = event {
            metrics::counter!("offhook_flood_refused_total", "limit" => by.as_str()).increment(1);
            tracing::warn!(brand = %brand.id, by = by.as_str(), calls, limit, "a call was refused as one of a flood");
        }
        if let Event::FallbackBegan { why: FallbackReason::Caps, .. } = event {
            metrics::counter!("offhook_legs_capped_total").increment(1);
            tracing::error!(brand = %brand.id, "a call rang nobody, since the account carried no more legs");
        }
    }
}
