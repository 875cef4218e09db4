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
    /// Phones that rang for the calls of which it is known what would have become of them.
    pub rung: usize,
}

/// What the draft would have changed.
#[derive(Debug, Clone, Default)]
pub struct ReplayReport {
    /// Since when calls were looked at.
    pub since: Option<DateTime<Utc>>,
    /// Every call, the newest first.
    pub calls: Vec<CallReplayed>,
    /// How many of them are known on both sides.
    pub known: usize,
    /// What was.
    pub before: Totals,
    /// What would have been.
    pub after: Totals,
    /// Whether there were more calls than were looked at.
    pub is_cut: bool,
}

impl Totals {
    fn add(&mut self, outcome: &ReplayOutcome, rung: usize, is_known: bool) {
        *match outcome {
            ReplayOutcome::Answered => &mut self.answered,
            ReplayOutcome::Voicemail => &mut self.voicemail,
            ReplayOutcome::Other => &mut self.other,
            ReplayOutcome::Unknown(_) => &mut self.unknown,
        } += 1;
        if is_known {
            self.rung += rung;
        }
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
    let window = TimeDelta::from_std(draft.floods.window).unwrap_or(TimeDelta::MAX);
    let Listed { calls, earlier, is_cut } = list_since(store, since, window).await?;
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
        let before = calls.iter().skip(place + 1).chain(&earlier);
        let recent = count_recent(call, before, window, is_cut);
        let replayed = replay(call, &known, draft, &was, destinations, carrier, recent);
        report.add(call, replayed.unwrap_or_else(|| unknown(call, "its brand is not in the draft")));
    }
    Ok(report)
}

impl ReplayReport {
    fn add(&mut self, call: &Call, replayed: Replayed) {
        // Phones are compared over the calls that are known on both sides.
        let is_known = replayed.is_known();
        self.known += usize::from(is_known);
        self.before.add(&replayed.before, replayed.rung_before, is_known);
        self.after.add(&replayed.after, replayed.rung_after, is_known);
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

/// Stored calls, the newest first.
struct Listed {
    calls: Vec<Call>,
    /// Those before them, within the window of floods.
    earlier: Vec<Call>,
    is_cut: bool,
}

async fn list_since(store: &dyn Store, since: DateTime<Utc>, window: TimeDelta) -> Result<Listed, RehearsalError> {
    let mut listed = Listed { calls: Vec::new(), earlier: Vec::new(), is_cut: false };
    let mut before = None;
    loop {
        let page = store.list_calls(before, PAGE).await?;
        let is_last = page.len() < usize::try_from(PAGE).unwrap_or(usize::MAX);
        for call in page {
            before = Some(call.arrived_at);
            if call.arrived_at >= since {
                if listed.calls.len() >= CALLS_MAX {
                    return Ok(Listed { is_cut: true, ..listed });
                }
                listed.calls.push(call);
            } else if since - call.arrived_at <= window && listed.earlier.len() < CALLS_MAX {
                listed.earlier.push(call);
            } else {
                return Ok(listed);
            }
        }
        if is_last {
            return Ok(listed);
        }
    }
}

/// Calls of the same number, or for a caller without one of all such callers, to the same brand within the window before
/// this one; none if the list was cut within it.
fn count_recent<'c>(
    call: &Call,
    earlier: impl Iterator<Item = &'c Call>,
    window: TimeDelta,
    is_cut: bool,
) -> Option<u32> {
    let is_like = |other: &Call| match &call.caller {
        Caller::Known(_) => other.caller == call.caller,
        Caller::Withheld | Caller::Other(_) => !matches!(other.caller, Caller::Known(_)),
    };
    let (mut count, mut is_whole) = (0_u32, false);
    for other in earlier {
        if call.arrived_at - other.arrived_at > window {
            is_whole = true;
            break;
        }
        count = count.saturating_add(u32::from(other.brand == call.brand && is_like(other)));
    }
    (is_whole || !is_cut).then_some(count)
}
