//! Rules that nobody has published against the calls that were.

use chrono::{DateTime, TimeDelta, Utc};

use super::RehearsalError;
use super::explaining::Versions;
use crate::call::CarrierFacts;
use crate::call::state::Call;
use crate::ids::{BrandId, CallId};
use crate::phone_number::Caller;
use crate::rules::{DestinationPolicy, Rules};
use crate::simulator::{Line, ReplayOutcome, Replayed, known_of, outcome_of, replay};
use crate::store::Store;

/// The newest calls that one replay looks at.
pub const CALLS_MAX: usize = 10_000;

/// Calls read at a time.
const PAGE: u32 = 100;

/// One call under both rules.
#[derive(Debug, Clone)]
pub struct CallReplayed {
    /// Which.
    pub call: CallId,
    /// Whom the caller dialled.
    pub brand: BrandId,
    /// When.
    pub arrived_at: DateTime<Utc>,
    /// What came of it.
    pub replayed: Replayed,
}

/// Calls counted by what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// An agent took them.
    pub answered: usize,
    /// They came to the recorder.
    pub voicemail: usize,
    /// Words, another number, a refusal, or the caller left.
    pub other: usize,
    /// What is stored does not tell.
    pub unknown: usize,
    /// Phones that rang.
    pub rung: usize,
}

/// What the draft would have changed.
#[derive(Debug, Clone, Default)]
pub struct ReplayReport {
    /// Since when calls were looked at.
    pub since: Option<DateTime<Utc>>,
    /// Every call, the newest first.
    pub calls: Vec<CallReplayed>,
    /// What was.
    pub before: Totals,
    /// What would have been.
    pub after: Totals,
    /// Whether there were more calls than were looked at.
    pub is_cut: bool,
}

impl Totals {
    fn add(&mut self, outcome: &ReplayOutcome, rung: usize) {
        *match outcome {
            ReplayOutcome::Answered => &mut self.answered,
            ReplayOutcome::Voicemail => &mut self.voicemail,
            ReplayOutcome::Other => &mut self.other,
            ReplayOutcome::Unknown(_) => &mut self.unknown,
        } += 1;
        self.rung += rung;
    }
}

/// Plays every stored call since `since` by the draft.
///
/// # Errors
/// The store fails.
pub async fn replay_since(
    store: &dyn Store,
    draft: &Rules,
    destinations: &DestinationPolicy,
    carrier: CarrierFacts,
    since: DateTime<Utc>,
) -> Result<ReplayReport, RehearsalError> {
    let (calls, is_cut) = list_since(store, since).await?;
    let mut report = ReplayReport { since: Some(since), is_cut, ..ReplayReport::default() };
    let mut versions = Versions::over(store);
    for (place, call) in calls.iter().enumerate() {
        let Some(was) = versions.load(call.rules_version).await? else {
            report.add(call, unknown(call, "the rules it arrived under cannot be read"));
            continue;
        };
        let history = store.load_history(call.id).await?;
        let lines = history.iter().map(|entry| Line { at: entry.at, signal: &entry.signal, events: &entry.events });
        let known = known_of(call, lines);
        // The list goes from the newest to the oldest.
        let recent = count_recent(call, calls.iter().skip(place + 1), draft);
        let replayed = replay(call, &known, draft, &was, destinations, carrier, recent);
        report.add(call, replayed.unwrap_or_else(|| unknown(call, "its brand is not in the draft")));
    }
    Ok(report)
}

impl ReplayReport {
    fn add(&mut self, call: &Call, replayed: Replayed) {
        self.before.add(&replayed.before, replayed.rung_before);
        self.after.add(&replayed.after, replayed.rung_after);
        let (id, brand) = (call.id, call.brand.clone());
        self.calls.push(CallReplayed { call: id, brand, arrived_at: call.arrived_at, replayed });
    }
}

fn unknown(call: &Call, why: &str) -> Replayed {
    let rung = call.legs.iter().filter(|leg| leg.rang_at.is_some()).count();
    Replayed {
        rung_before: rung,
        rung_after: 0,
        before: outcome_of(call),
        after: ReplayOutcome::Unknown(why.to_owned()),
    }
}

async fn list_since(store: &dyn Store, since: DateTime<Utc>) -> Result<(Vec<Call>, bool), RehearsalError> {
    let mut calls: Vec<Call> = Vec::new();
    let mut before = None;
    loop {
        let page = store.list_calls(before, PAGE).await?;
        let is_last = page.len() < usize::try_from(PAGE).unwrap_or(usize::MAX);
        for call in page {
            before = Some(call.arrived_at);
            if call.arrived_at < since {
                return Ok((calls, false));
            }
            if calls.len() >= CALLS_MAX {
                return Ok((calls, true));
            }
            calls.push(call);
        }
        if is_last {
            return Ok((calls, false));
        }
    }
}

/// Calls from the same number to the same brand within the draft's window before this one.
fn count_recent<'c>(call: &Call, earlier: impl Iterator<Item = &'c Call>, draft: &Rules) -> u32 {
    let window = TimeDelta::from_std(draft.floods.window).unwrap_or(TimeDelta::MAX);
    let Caller::Known(_) = call.caller else { return 0 };
    let recent = earlier
        .take_while(|other| call.arrived_at - other.arrived_at <= window)
        .filter(|other| other.brand == call.brand && other.caller == call.caller);
    u32::try_from(recent.count()).unwrap_or(u32::MAX)
}
