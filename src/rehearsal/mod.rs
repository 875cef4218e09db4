//! What happened and why, and what would happen: stored calls explained, a call that nobody has made yet, and stored calls
//! under rules that nobody has published yet.
//!
//! It brings facts of the store to the simulator, and refuses to decide anything itself. Nothing is written, and no phone
//! rings. Example: what a caller gets at Acme next Saturday evening, with everybody as their shift says.

mod explaining;
mod replaying;

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Datelike, FixedOffset, NaiveDateTime, TimeDelta, Utc};
use chrono_tz::Tz;

pub use explaining::{ExplainError, explain_stored};
pub use replaying::{CALLS_MAX, CallReplayed, ReplayReport, Totals, replay_since};

use crate::call::CarrierFacts;
use crate::call::state::NewCall;
use crate::ids::{AgentId, BrandId, CallId, CarrierRef};
use crate::phone_number::{Caller, PhoneNumber, parse_phone_number};
use crate::rules::{Brand, DestinationPolicy, Rules, zone};
use crate::shortlist::facts::{AgentFacts, LoadedFacts};
use crate::simulator::{Presses, Scenario, Simulation, simulate};
use crate::store::{ArrivalQuestion, Store, StoreError};
use crate::switchboard::about::About;

/// How agents are taken to stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgentsStand {
    /// As the store knows them at this moment: availability, talks, rests, pauses.
    AsNow,
    /// Free and available whenever they are on shift; turns and open conversations as they are now.
    AsScheduled,
}

/// A call to be played.
#[derive(Debug, Clone)]
pub struct Rehearsal {
    /// Whom the caller dials.
    pub brand: BrandId,
    /// Which of its numbers; its first, if absent.
    pub number: Option<PhoneNumber>,
    /// When the call arrives.
    pub at: DateTime<Utc>,
    /// Who calls.
    pub caller: Caller,
    /// What the caller presses, prompt by prompt; none is silence.
    pub keys: Vec<Option<char>>,
    /// How agents stand.
    pub agents: AgentsStand,
}

/// Why a call cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum RehearsalError {
    /// There is no such brand.
    #[error("there is no brand `{0}` in these rules")]
    UnknownBrand(BrandId),
    /// The brand has no number that could be dialled, or the number is not the brand's.
    #[error("{0}")]
    NoNumber(String),
    /// The store failed.
    #[error("what is known of agents and callers could not be read")]
    Store(#[from] StoreError),
}

/// The caller presses at most so often.
pub const KEYS_MAX: usize = 20;

/// Who calls, as a person writes it: a number in E.164, or `anonymous` for a withheld one.
///
/// # Errors
/// What is allowed.
pub fn read_from(text: &str) -> Result<Caller, String> {
    match parse_phone_number(text) {
        Ok(number) => Ok(Caller::Known(number)),
        Err(_) if text == ANONYMOUS => Ok(Caller::Withheld),
        Err(_) => Err(format!("a number in E.164, such as +15550100001, or {ANONYMOUS} for a withheld one")),
    }
}

/// What a person writes for a withheld number.
const ANONYMOUS: &str = "anonymous";

/// What a person writes for the keys a caller presses: a key a prompt, `-` for silence.
///
/// Asked for a certain key, the caller presses that one; every document of the queue that listens is a prompt. A supervisor's code is not played, so that the
/// key which asks for it is none.
///
/// # Errors
/// A character that is no key; or more than [`KEYS_MAX`].
pub fn read_keys(text: &str) -> Result<Vec<Option<char>>, String> {
    let allowed = || {
        format!("0 to 9 or #, one for each prompt, - for silence, at most {KEYS_MAX}; a supervisor's * is not played")
    };
    if text.chars().count() > KEYS_MAX {
        return Err(allowed());
    }
    text.chars()
        .map(|key| match key {
            '-' => Ok(None),
            '0'..='9' | '#' => Ok(Some(key)),
            _ => Err(allowed()),
        })
        .collect()
}

/// What a person writes for an instant: on the clocks of the zone, or with an offset.
///
/// # Errors
/// What is allowed.
pub fn read_at(text: &str, time_zone: Tz) -> Result<DateTime<Utc>, String> {
    let with_offset = text.parse::<DateTime<FixedOffset>>().map(|at| at.to_utc()).ok();
    let on_clocks = || {
        let forms = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"];
        let wall = forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())?;
        zone::instant(time_zone, wall)
    };
    let at = with_offset.or_else(on_clocks).filter(|at| YEARS.contains(&at.year()));
    at.ok_or_else(|| {
        "a time such as 2026-11-28T18:30, or an instant such as 2026-11-28T23:30:00Z, 2000 to 2100".to_owned()
    })
}

/// Years in which calls are played.
const YEARS: std::ops::RangeInclusive<i32> = 2000..=2100;

/// So many of them a call; 0 without calls.
#[must_use]
pub fn per_call(count: usize, calls: usize) -> f64 {
    let of = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    if calls == 0 { 0.0 } else { of(count) / of(calls) }
}

/// Plays a call by these rules.
///
/// # Errors
/// The brand or the number is not in the rules; the store fails.
pub async fn rehearse(
    store: &dyn Store,
    rules: &Rules,
    destinations: &DestinationPolicy,
    carrier: CarrierFacts,
    rehearsal: &Rehearsal,
) -> Result<Simulation, RehearsalError> {
    let brand = rules.brand(&rehearsal.brand).ok_or_else(|| RehearsalError::UnknownBrand(rehearsal.brand.clone()))?;
    let number = find_number(rules, brand, rehearsal.number.as_ref())?;
    let at = rehearsal.at;
    let arrival = store
        .load_arrival(&ArrivalQuestion {
            key: None,
            caller: rehearsal.caller.number().cloned(),
            brand: brand.id.clone(),
            since: at - TimeDelta::from_std(rules.floods.window).unwrap_or(TimeDelta::MAX),
            now: at,
        })
        .await?;
    let About { caller, brand: in_force } = About::of(&rehearsal.caller, &arrival, at);
    let mut loaded = store.load_facts(&brand.id, &brand.roster, at).await?;
    if rehearsal.agents == AgentsStand::AsScheduled {
        loaded = as_scheduled(loaded);
    }
    let others = load_others(store, rules, brand, rehearsal).await?;
    Ok(simulate(&Scenario {
        rules,
        destinations,
        call: NewCall {
            id: CallId(uuid::Uuid::nil()),
            brand: brand.id.clone(),
            number,
            caller: rehearsal.caller.clone(),
            caller_name: arrival.contact.and_then(|contact| contact.name),
            caller_ref: CarrierRef::new("rehearsal"),
            rules_version: rules.version,
            at,
        },
        caller,
        carrier,
        brand: in_force,
        loaded,
        others: &others,
        keys: &rehearsal.keys,
        presses: Presses::AsAsked,
        agents: &HashMap::new(),
        leaves_after: None,
    }))
}

fn find_number(rules: &Rules, brand: &Brand, wanted: Option<&PhoneNumber>) -> Result<PhoneNumber, RehearsalError> {
    let mut ours = rules.numbers.iter().filter(|number| number.brand == brand.id);
    let found = match wanted {
        Some(wanted) => ours.find(|number| number.number == *wanted),
        None => ours.next(),
    };
    found.map(|number| number.number.clone()).ok_or_else(|| {
        RehearsalError::NoNumber(match wanted {
            Some(wanted) => format!("{} is no number of `{}`", wanted.as_e164(), brand.id),
            None => format!("`{}` has no number that could be dialled", brand.id),
        })
    })
}

/// Facts about agents of brands that share agents with this one.
async fn load_others(
    store: &dyn Store,
    rules: &Rules,
    brand: &Brand,
    rehearsal: &Rehearsal,
) -> Result<HashMap<AgentId, AgentFacts>, RehearsalError> {
    let members: HashSet<&AgentId> = brand.roster.iter().collect();
    let mut others = HashMap::new();
    let shares = |other: &&Brand| other.id != brand.id && other.roster.iter().any(|agent| members.contains(agent));
    for other in rules.brands.iter().filter(shares) {
        let unknown = other.roster.iter().filter(|agent| !members.contains(agent) && !others.contains_key(*agent));
        let unknown: Vec<AgentId> = unknown.cloned().collect();
        let mut loaded = store.load_facts(&other.id, &unknown, rehearsal.at).await?;
        if rehearsal.agents == AgentsStand::AsScheduled {
            loaded = as_scheduled(loaded);
        }
        others.extend(loaded.agents.into_iter().map(|facts| (facts.agent.clone(), facts)));
    }
    Ok(others)
}

/// Whatever passes by itself has passed.
fn as_scheduled(loaded: LoadedFacts) -> LoadedFacts {
    let free = |facts: AgentFacts| AgentFacts {
        last_offered_at: facts.last_offered_at,
        passed_over: facts.passed_over,
        phone_unreachable: facts.phone_unreachable,
        open_conversations: facts.open_conversations,
        open_conversations_at: facts.open_conversations_at,
        ..AgentFacts::unknown(facts.agent)
    };
    LoadedFacts { agents: loaded.agents.into_iter().map(free).collect(), ..LoadedFacts::none() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_on_the_brands_clocks() {
        let read = |text| read_at(text, Tz::America__New_York);
        let evening: DateTime<Utc> = "2026-11-28T23:30:00Z".parse().unwrap();
        for text in ["2026-11-28T18:30", "2026-11-28 18:30", "2026-11-28T18:30:00", "2026-11-28T23:30:00Z"] {
            assert_eq!(read(text), Ok(evening), "{text}");
        }
        for text in ["tomorrow", "2026-02-30T10:00", "1500-01-01T00:00", ""] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_caller_is_a_number_or_anonymous_and_nothing_else() {
        assert!(matches!(read_from("+15550100001"), Ok(Caller::Known(_))));
        assert_eq!(read_from("anonymous"), Ok(Caller::Withheld));
        for text in ["abc", "5550100001", "", "+", "sip:jane@example.com", "withheld"] {
            assert!(read_from(text).is_err(), "{text}");
        }
    }

    #[test]
    fn keys_are_read_prompt_by_prompt() {
        assert_eq!(read_keys("1-#"), Ok(vec![Some('1'), None, Some('#')]));
        assert_eq!(read_keys(""), Ok(Vec::new()));
        assert!(read_keys("1a").is_err());
        assert!(read_keys("*").is_err());
        assert!(read_keys(&"1".repeat(KEYS_MAX + 1)).is_err());
    }
}
