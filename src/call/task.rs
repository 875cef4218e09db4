//! What a decision means for those whom we owe a call back. Source: DESIGN.md section 5, "Callback tasks".

use chrono::{DateTime, Utc};

use super::event::{Ending, Event};
use super::state::Call;
use crate::ids::{BrandId, CallId};
use crate::phone_number::{Caller, PhoneNumber};
use crate::rules::{Brand, Rules, promise};

/// What a decision means for the task of a caller at a brand; the store says which task that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskChange {
    /// Nobody took the call: it joins the caller's open task, or opens one.
    Missed(MissedCall),
    /// The caller met an agent: what was owed is settled.
    Answered {
        /// At which brand.
        brand: BrandId,
        /// Who.
        caller: PhoneNumber,
        /// By which call.
        call: CallId,
    },
}

/// A call to be returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissedCall {
    /// Whom the caller dialled.
    pub brand: BrandId,
    /// Whom to call; none cannot be called back, and has a task for each call.
    pub caller: Option<PhoneNumber>,
    /// The caller's name, if it is known.
    pub caller_name: Option<String>,
    /// The call. A task has the id of the call that opened it.
    pub call: CallId,
    /// When it is due by the brand's promise; none if the brand promises nothing.
    pub due_at: Option<DateTime<Utc>>,
}

/// What this event means, if anything. A promise counts from the call's arrival, as the caller heard it.
pub(super) fn change_by(event: &Event, call: &Call, brand: &Brand, rules: &Rules) -> Option<TaskChange> {
    match event {
        Event::CallEnded { ending: Ending::Voicemail | Ending::Missed | Ending::Failed } => {
            Some(TaskChange::Missed(MissedCall {
                brand: call.brand.clone(),
                caller: number_of(call),
                caller_name: call.caller_name.clone(),
                call: call.id,
                due_at: promise::due_at(brand, rules, call.arrived_at),
            }))
        }
        Event::CallOwned { .. } => {
            Some(TaskChange::Answered { brand: call.brand.clone(), caller: number_of(call)?, call: call.id })
        }
        _ => None,
    }
}

fn number_of(call: &Call) -> Option<PhoneNumber> {
    match &call.caller {
        Caller::Known(phone) => Some(phone.clone()),
        Caller::Withheld | Caller::Other(_) => None,
    }
}
