//! Why each phone rang for a stored call, or did not: from what was kept at the time.

use std::collections::HashMap;
use std::sync::Arc;

use crate::call::event::Event;
use crate::call::explain::{Explanation, explain};
use crate::ids::CallId;
use crate::rules::{Rules, file};
use crate::shortlist::snapshot::take_again;
use crate::shortlist::{InForce, ShortlistRecord};
use crate::store::{Store, StoreError};
use crate::telemetry::Chain;

/// Why a call cannot be explained.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// There is no such call.
    #[error("there is no call {0}")]
    UnknownCall(CallId),
    /// Its rules are gone, or cannot be read any more.
    #[error("version {0} of the rules, under which the call arrived, cannot be read")]
    NoRules(u32),
    /// The store failed.
    #[error("what is known of the call could not be read")]
    Store(#[from] StoreError),
}

/// Explains a stored call. Where a record only counts the far agents of a large roster, the shortlist is taken again from
/// the facts that were kept, so that everybody has a sentence.
///
/// # Errors
/// There is no such call, its rules are gone, or the store fails.
pub async fn explain_stored(store: &dyn Store, id: CallId) -> Result<Explanation, ExplainError> {
    let call = store.find_call(id).await?.ok_or(ExplainError::UnknownCall(id))?;
    let mut versions = Versions::over(store);
    let rules = versions.load(call.rules_version).await?.ok_or(ExplainError::NoRules(call.rules_version))?;
    let mut events = Vec::new();
    for entry in store.load_history(id).await? {
        for event in entry.events {
            events.push(match event {
                Event::ShortlistTaken { record } if !record.counted.is_empty() => {
                    let kept = store.find_shortlist_facts(id, entry.version).await?;
                    let full = match kept {
                        Some(kept) => complete(&record, &kept, &call.brand, &rules, &mut versions).await?,
                        None => None,
                    };
                    Event::ShortlistTaken { record: full.unwrap_or(record) }
                }
                other => other,
            });
        }
    }
    Ok(explain(&call, &rules, &events))
}

/// The record with everybody listed; none if that cannot be had, and then it stays as it was stored.
async fn complete(
    record: &ShortlistRecord,
    kept: &[u8],
    brand: &crate::ids::BrandId,
    rules: &Rules,
    versions: &mut Versions<'_>,
) -> Result<Option<ShortlistRecord>, StoreError> {
    let Some(brand) = rules.brand(brand) else { return Ok(None) };
    let newer = match record.roster_version {
        None => None,
        Some(version) => match versions.load(version).await? {
            Some(newer) => Some((version, newer)),
            None => return Ok(None),
        },
    };
    let in_force = newer.as_ref().map(|(version, rules)| InForce { version: *version, rules });
    match take_again(record, kept, rules, brand, in_force) {
        Ok(full) => Ok(Some(full)),
        Err(error) => {
            tracing::warn!(error = %Chain(&error), "the shortlist of a call could not be taken again");
            Ok(None)
        }
    }
}

/// Stored rules by version, each read once.
pub(super) struct Versions<'a> {
    store: &'a dyn Store,
    read: HashMap<u32, Option<Arc<Rules>>>,
}

impl<'a> Versions<'a> {
    pub(super) fn over(store: &'a dyn Store) -> Self {
        Self { store, read: HashMap::new() }
    }

    /// None for a version that is gone, or cannot be read any more.
    pub(super) async fn load(&mut self, version: u32) -> Result<Option<Arc<Rules>>, StoreError> {
        if let Some(known) = self.read.get(&version) {
            return Ok(known.clone());
        }
        let published = self.store.find_rules(version).await?;
        let rules = published.and_then(|published| file::parse("rules", &published.body).ok());
        let rules = rules.map(|rules| Arc::new(Rules { version, ..rules }));
        self.read.insert(version, rules.clone());
        Ok(rules)
    }
}
