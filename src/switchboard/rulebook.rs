//! Published rules in memory: the version in force, looked up again every second, and those that live calls began with.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use chrono::{DateTime, TimeDelta, Utc};

use super::SwitchboardError;
use crate::clock::Clock;
use crate::rules::Rules;
use crate::store::{Store, StoreError};

/// A published change is in force on every replica after so long. Source: RELIABILITY.md P-L6 asks for 2 s.
const LOOK_AGAIN: TimeDelta = TimeDelta::seconds(1);

/// Versions kept in memory; a call lives minutes, so old ones are rarely asked for.
const VERSIONS_MAX: usize = 16;

/// Rules by version.
pub struct Rulebook {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    known: RwLock<Known>,
}

#[derive(Default)]
struct Known {
    current: Option<u32>,
    looked_at: Option<DateTime<Utc>>,
    versions: HashMap<u32, Arc<Rules>>,
}

impl Rulebook {
    /// An empty book over a store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, known: RwLock::default() }
    }

    /// The rules in force and their version; none if nothing was ever published.
    ///
    /// With the store out of reach the last known rules stay in force.
    ///
    /// # Errors
    /// When the store fails and nothing is known.
    pub async fn load_current(&self) -> Result<Option<(u32, Arc<Rules>)>, SwitchboardError> {
        let now = self.clock.now();
        if let Some(current) = self.find_fresh(now) {
            return Ok(Some(current));
        }
        let published = match self.store.find_current_rules().await {
            Ok(published) => published,
            Err(error) => return self.find_known().map(Some).ok_or(error.into()),
        };
        let Some(published) = published else { return Ok(None) };
        let rules = match parse(&published.body) {
            Ok(rules) => Arc::new(rules),
            Err(error) => {
                tracing::error!(rules.version = published.version, error = %error, "published rules cannot be read; the last good ones stay in force");
                return self.find_known().map(Some).ok_or(error.into());
            }
        };
        if let Ok(mut known) = self.known.write() {
            known.current = Some(published.version);
            known.looked_at = Some(now);
            keep(&mut known.versions, published.version, Arc::clone(&rules));
        }
        Ok(Some((published.version, rules)))
    }

    /// The rules of one version.
    ///
    /// # Errors
    /// When the store fails and the version is not in memory.
    pub async fn load(&self, version: u32) -> Result<Option<Arc<Rules>>, SwitchboardError> {
        let known = self.known.read().ok().and_then(|known| known.versions.get(&version).cloned());
        if known.is_some() {
            return Ok(known);
        }
        let Some(published) = self.store.find_rules(version).await? else { return Ok(None) };
        let rules = Arc::new(parse(&published.body)?);
        if let Ok(mut known) = self.known.write() {
            keep(&mut known.versions, version, Arc::clone(&rules));
        }
        Ok(Some(rules))
    }

    /// Forgets when it last looked, so that the next question asks the store.
    pub fn look_again(&self) {
        if let Ok(mut known) = self.known.write() {
            known.looked_at = None;
        }
    }

    fn find_fresh(&self, now: DateTime<Utc>) -> Option<(u32, Arc<Rules>)> {
        let known = self.known.read().ok()?;
        let age = now - known.looked_at?;
        (age >= TimeDelta::zero() && age < LOOK_AGAIN).then(|| known.find_current())?
    }

    fn find_known(&self) -> Option<(u32, Arc<Rules>)> {
        self.known.read().ok()?.find_current()
    }
}

impl Known {
    fn find_current(&self) -> Option<(u32, Arc<Rules>)> {
        let version = self.current?;
        Some((version, Arc::clone(self.versions.get(&version)?)))
    }
}

fn keep(versions: &mut HashMap<u32, Arc<Rules>>, version: u32, rules: Arc<Rules>) {
    if versions.len() >= VERSIONS_MAX
        && let Some(oldest) = versions.keys().min().copied()
    {
        versions.remove(&oldest);
    }
    versions.insert(version, rules);
}

fn parse(body: &str) -> Result<Rules, StoreError> {
    crate::rules::file::parse("published rules", body)
        .map_err(|cause| StoreError::Corrupt { what: "rules document", cause: cause.to_string().into() })
}
