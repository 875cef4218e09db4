//! Where a call may go out to: fraud's brake.
//!
//! The classic fraud sends a company's calls to expensive numbers that share their revenue. A list of country codes is
//! no protection: +1 covers Caribbean states with high tariffs. So a destination is judged by the region of its
//! numbering plan and by its kind. Source: THREATS.md T-01, DESIGN.md section 4.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use serde::Serialize;

use crate::phone_number::{NumberKind, PhoneNumber, Region};

/// A number that may be called. Only [`DestinationPolicy::approve`] makes one, and it cannot be read back from a
/// stored form: what a queue kept is approved again, by the policy in force then.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct DialTarget {
    number: PhoneNumber,
}

impl DialTarget {
    /// The number.
    #[must_use]
    pub fn number(&self) -> &PhoneNumber {
        &self.number
    }
}

/// Where calls may go. Region first, then kind; a denied prefix beats everything, an allowed one beats the region.
#[derive(Debug, Clone)]
pub struct DestinationPolicy {
    regions: BTreeSet<Region>,
    allow_prefixes: Vec<String>,
    deny_prefixes: Vec<String>,
    judged: Arc<Mutex<HashMap<PhoneNumber, Option<RefusalReason>>>>,
    /// Tells policies apart; copies are the same policy.
    number: u32,
    /// Of a policy about the past: what was refused. It approves nothing.
    refused_then: Option<HashSet<PhoneNumber>>,
}

/// Counts policies.
static POLICIES: AtomicU32 = AtomicU32::new(1);

/// Verdicts kept, since agents' phones are judged for every call and the table of numbering plans is slow to ask. A
/// policy never changes, so a verdict stays right; more phones than these are judged afresh.
const VERDICTS_KEPT: usize = 65_536;

/// Why a number may not be called. The number itself is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this number may not be called: {reason}")]
pub struct DestinationRefused {
    /// The rule that refused it.
    pub reason: RefusalReason,
}

/// The rules, in the order in which they are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RefusalReason {
    /// The operator denied its prefix.
    #[error("its prefix is denied by the settings")]
    PrefixDenied,
    /// It earns its owner money.
    #[error("it is a premium-rate number")]
    Premium,
    /// Its price is shared.
    #[error("it is a shared-cost number")]
    SharedCost,
    /// It follows a person at any price.
    #[error("it is a personal number")]
    Personal,
    /// It belongs to a satellite or an international network.
    #[error("it is a satellite or international network number")]
    Satellite,
    /// It is a service, not a person's phone.
    #[error("it is a service code")]
    Service,
    /// Its region is not allowed.
    #[error("its region, {0}, is not among the allowed ones")]
    Region(Region),
    /// No numbering plan lists it.
    #[error("no numbering plan lists it")]
    Unlisted,
}

impl DestinationPolicy {
    /// A policy that allows `regions` (ISO two-letter codes; others are ignored, the settings have checked them), and
    /// the prefixes `+…` besides, but nothing under a denied prefix.
    pub fn new<'a>(
        regions: impl IntoIterator<Item = &'a str>,
        allow_prefixes: impl IntoIterator<Item = &'a str>,
        deny_prefixes: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        Self {
            regions: regions.into_iter().filter_map(Region::parse).collect(),
            allow_prefixes: allow_prefixes.into_iter().map(str::to_owned).collect(),
            deny_prefixes: deny_prefixes.into_iter().map(str::to_owned).collect(),
            judged: Arc::default(),
            number: POLICIES.fetch_add(1, Ordering::Relaxed),
            refused_then: None,
        }
    }

    /// What was allowed when a shortlist was taken, for whoever takes it again: everything but these numbers. Nothing can be
    /// dialled by it.
    #[must_use]
    pub fn of_the_past(refused: HashSet<PhoneNumber>) -> Self {
        Self { refused_then: Some(refused), ..Self::new([], [], []) }
    }

    /// Approves a number, or says why not.
    ///
    /// # Errors
    /// The first rule that refuses it. An allowed prefix opens a region and a range that no plan lists, never a
    /// premium, shared-cost, personal, satellite or service number.
    pub fn approve(&self, number: &PhoneNumber) -> Result<DialTarget, DestinationRefused> {
        if self.refused_then.is_some() {
            return Err(DestinationRefused { reason: RefusalReason::Unlisted });
        }
        match self.judge(number) {
            None => Ok(DialTarget { number: number.clone() }),
            Some(reason) => Err(DestinationRefused { reason }),
        }
    }

    /// Whether [`Self::approve`] would approve it.
    #[must_use]
    pub fn allows(&self, number: &PhoneNumber) -> bool {
        match &self.refused_then {
            Some(refused) => !refused.contains(number),
            None => self.judge(number).is_none(),
        }
    }

    /// The same, with the answer kept in `verdict`, which starts at 0 and is for this one number: a look at it is all that a
    /// roster costs.
    pub(super) fn allows_kept(&self, number: &PhoneNumber, verdict: &AtomicU32) -> bool {
        let kept = verdict.load(Ordering::Relaxed);
        if kept >> 1 == self.number {
            return kept & 1 == 1;
        }
        let allows = self.allows(number);
        verdict.store((self.number << 1) | u32::from(allows), Ordering::Relaxed);
        allows
    }

    fn judge(&self, number: &PhoneNumber) -> Option<RefusalReason> {
        if let Ok(judged) = self.judged.lock()
            && let Some(verdict) = judged.get(number)
        {
            return *verdict;
        }
        let verdict = self.refusal(number);
        if let Ok(mut judged) = self.judged.lock()
            && judged.len() < VERDICTS_KEPT
        {
            judged.insert(number.clone(), verdict);
        }
        verdict
    }

    fn refusal(&self, number: &PhoneNumber) -> Option<RefusalReason> {
        if begins_with_one_of(number, &self.deny_prefixes) {
            return Some(RefusalReason::PrefixDenied);
        }
        let is_listed = match number.kind() {
            NumberKind::Premium => return Some(RefusalReason::Premium),
            NumberKind::SharedCost => return Some(RefusalReason::SharedCost),
            NumberKind::Personal => return Some(RefusalReason::Personal),
            NumberKind::Satellite => return Some(RefusalReason::Satellite),
            NumberKind::Service => return Some(RefusalReason::Service),
            NumberKind::Ordinary => true,
            NumberKind::Unlisted => false,
        };
        if begins_with_one_of(number, &self.allow_prefixes) {
            return None;
        }
        match number.region() {
            Some(region) if !self.regions.contains(&region) => Some(RefusalReason::Region(region)),
            Some(_) if is_listed => None,
            Some(_) | None => Some(RefusalReason::Unlisted),
        }
    }
}

fn begins_with_one_of(number: &PhoneNumber, prefixes: &[String]) -> bool {
    prefixes.iter().any(|prefix| number.as_e164().starts_with(prefix.as_str()))
}

#[cfg(test)]
#[path = "destination_tests.rs"]
mod tests;
