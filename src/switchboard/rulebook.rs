//! Published rules in memory: the version in force, looked for again every second, and those that live calls began with.
//!
//! In force is the newest version whose stored body can be read. One that cannot, because an upgrade reads more strictly or
//! somebody wrote into the table, is passed over, marked, and told as [`Trouble`]; a call never waits for it twice.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, RwLock};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::{Mutex, Notify};

use super::SwitchboardError;
use super::reading::read_for_calls;
use crate::clock::Clock;
use crate::rules::Rules;
use crate::rules::file::RoutingFileError;
use crate::store::{PublishedRules, Store, StoreError};
use crate::telemetry::{Chain, metric};

/// A published change is in force on every replica after so long. Source: RELIABILITY.md P-L6 asks for 2 s.
const LOOK_AGAIN: TimeDelta = TimeDelta::seconds(1);

/// Stored bodies are compared whole so often; between, a changed number or length is noticed. A body never changes unless
/// somebody writes into the table.
const READ_AGAIN: TimeDelta = TimeDelta::seconds(60);

/// Versions kept in memory; a call lives minutes, so old ones are rarely asked for.
const VERSIONS_MAX: usize = 16;

/// Versions that may be passed over in one walk to the last good one.
const WALK_MAX: u32 = 100;

/// Longest reason that is kept, in characters.
const REASON_CHARS_MAX: usize = 300;

/// Who marks a version as broken: this program, as it reads.
const THIS_PROGRAM: &str = concat!("offhook ", env!("CARGO_PKG_VERSION"));

/// Rules by version.
pub struct Rulebook {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    known: RwLock<Known>,
    /// Held by the one who looks; the others go by what is known.
    looking: Mutex<()>,
    /// Held by the one who reads a body; who wants the same then finds it read. Reading large rules takes some fifteen times
    /// their memory, and after a restart every live call asks for its version at once. Taken after `looking`, never before.
    reading: Mutex<()>,
    /// Told when other rules came into force.
    changed: Arc<Notify>,
}

/// That the newest version cannot be read, so that an earlier one is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// The newest version.
    pub version: u32,
    /// Its first fault. May quote the document, so it is for people who may see the rules.
    pub reason: String,
    /// When it was found out.
    pub since: DateTime<Utc>,
    /// The version in force instead; none if no other can be read either.
    pub in_force: Option<u32>,
}

#[derive(Default)]
struct Known {
    in_force: Option<(u32, Arc<Rules>)>,
    trouble: Option<Trouble>,
    /// The newest version and the length of its body, when bodies were last read.
    newest: Option<(u32, u64)>,
    looked_at: Option<DateTime<Utc>>,
    read_at: Option<DateTime<Utc>>,
    versions: HashMap<u32, Kept>,
}

struct Kept {
    /// Of the body that it was read from; none if the body cannot be read and other rules stand in.
    digest: Option<u64>,
    rules: Arc<Rules>,
}

impl Rulebook {
    /// An empty book over a store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            clock,
            known: RwLock::default(),
            looking: Mutex::default(),
            reading: Mutex::default(),
            changed: Arc::default(),
        }
    }

    /// Told when other rules came into force than were known before.
    #[must_use]
    pub fn changed(&self) -> Arc<Notify> {
        Arc::clone(&self.changed)
    }

    /// The rules in force and their version; none if nothing readable was ever published.
    ///
    /// With the store out of reach the last known rules stay in force.
    ///
    /// # Errors
    /// When the store fails and nothing is known.
    pub async fn load_current(&self) -> Result<Option<(u32, Arc<Rules>)>, SwitchboardError> {
        if let Some(fresh) = self.find_fresh() {
            return Ok(fresh);
        }
        let _looking = match (self.looking.try_lock(), self.find_known()) {
            (Ok(looking), _) => looking,
            (Err(_), Some(known)) => return Ok(Some(known)),
            (Err(_), None) => self.looking.lock().await,
        };
        if let Some(fresh) = self.find_fresh() {
            return Ok(fresh);
        }
        match self.look().await {
            Ok(()) => Ok(self.find_known()),
            Err(error) => self.find_known().map(Some).ok_or(error.into()),
        }
    }

    /// Looks now, however fresh what is known is: what a worker does, so that no call has to.
    ///
    /// # Errors
    /// When the store fails; what is known stays.
    pub async fn refresh(&self) -> Result<(), SwitchboardError> {
        let _looking = self.looking.lock().await;
        Ok(self.look().await?)
    }

    /// The rules of one version. For a call whose version cannot be read any more the rules in force stand in.
    ///
    /// # Errors
    /// When the store fails and the version is not in memory.
    pub async fn load(&self, version: u32) -> Result<Option<Arc<Rules>>, SwitchboardError> {
        if let Some(kept) = self.find_kept(version) {
            return Ok(Some(kept));
        }
        let reading = self.reading.lock().await;
        if let Some(kept) = self.find_kept(version) {
            return Ok(Some(kept));
        }
        if let Some(published) = self.store.find_rules(version).await?
            && let Ok(rules) = self.read(published).await
        {
            return Ok(Some(rules));
        }
        drop(reading);
        let Some((in_force, rules)) = self.load_current().await? else { return Ok(None) };
        tracing::warn!(
            rules.version = version,
            rules.in_force = in_force,
            "The rules that a call began with cannot be read any more; it goes on under those in force"
        );
        if let Ok(mut known) = self.known.write() {
            known.keep(version, Kept { digest: None, rules: Arc::clone(&rules) });
        }
        Ok(Some(rules))
    }

    /// What is wrong with the newest version, as last looked at.
    #[must_use]
    pub fn find_trouble(&self) -> Option<Trouble> {
        self.known.read().ok()?.trouble.clone()
    }

    /// Forgets when it last looked, so that the next question asks the store.
    pub fn look_again(&self) {
        if let Ok(mut known) = self.known.write() {
            known.looked_at = None;
        }
    }

    /// What is known, if it is fresh; an outer none if somebody has to look.
    #[expect(clippy::option_option, reason = "nothing known, and known to be nothing")]
    fn find_fresh(&self) -> Option<Option<(u32, Arc<Rules>)>> {
        let known = self.known.read().ok()?;
        let is_fresh = is_within(known.looked_at, self.clock.now(), LOOK_AGAIN);
        (is_fresh && (known.in_force.is_some() || known.trouble.is_some())).then(|| known.in_force.clone())
    }

    fn find_kept(&self, version: u32) -> Option<Arc<Rules>> {
        self.known.read().ok()?.versions.get(&version).map(|kept| Arc::clone(&kept.rules))
    }

    fn find_known(&self) -> Option<(u32, Arc<Rules>)> {
        self.known.read().ok()?.in_force.clone()
    }

    /// Asks the store for the newest version, and reads it if it is another than before.
    async fn look(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let newest = self.store.find_newest_rules().await?.map(|head| (head.version, head.body_bytes));
        if let Ok(mut known) = self.known.write() {
            let is_known = known.newest == newest && is_within(known.read_at, now, READ_AGAIN);
            if newest.is_none() || is_known {
                known.looked_at = Some(now);
                return Ok(());
            }
        }
        let Some((version, _)) = newest else { return Ok(()) };
        let (in_force, trouble) = self.walk(version, now).await?;
        self.settle(newest, in_force, trouble, now);
        Ok(())
    }

    /// Walks from a version downwards to the first that can be read.
    async fn walk(
        &self,
        newest: u32,
        now: DateTime<Utc>,
    ) -> Result<(Option<(u32, Arc<Rules>)>, Option<Trouble>), StoreError> {
        let mut trouble: Option<Trouble> = None;
        for version in (1..=newest).rev().take(usize::try_from(WALK_MAX).unwrap_or(usize::MAX)) {
            let reading = self.reading.lock().await;
            let Some(published) = self.store.find_rules(version).await? else { continue };
            let since = published.head.broken.as_ref().map_or(now, |mark| mark.at);
            let is_marked = published.head.broken.is_some();
            let read = self.read(published).await;
            drop(reading);
            match read {
                Ok(rules) => {
                    if is_marked {
                        self.mark(version, None, now).await;
                    }
                    return Ok((Some((version, rules)), trouble));
                }
                Err(reason) => {
                    if !is_marked {
                        self.mark(version, Some(&reason), now).await;
                    }
                    trouble.get_or_insert(Trouble { version, reason, since, in_force: None });
                }
            }
        }
        Ok((None, trouble))
    }

    /// The mark is for people who look at the list; who reads goes by what can be read, since of two releases that run at
    /// once one may read what the other cannot.
    async fn mark(&self, version: u32, broken: Option<&str>, now: DateTime<Utc>) {
        if let Err(error) = self.store.mark_rules(version, broken, THIS_PROGRAM, now).await {
            tracing::warn!(rules.version = version, error = %Chain(&error), "the version of the rules could not be marked");
        }
    }

    fn settle(
        &self,
        newest: Option<(u32, u64)>,
        in_force: Option<(u32, Arc<Rules>)>,
        trouble: Option<Trouble>,
        now: DateTime<Utc>,
    ) {
        let Ok(mut known) = self.known.write() else { return };
        // Nothing in the table can be read: what was in force before stays.
        let version_of = |rules: &Option<(u32, Arc<Rules>)>| rules.as_ref().map(|(version, _)| *version);
        if in_force.is_some() {
            if known.in_force.is_some() && version_of(&known.in_force) != version_of(&in_force) {
                self.changed.notify_one();
            }
            known.in_force = in_force;
        }
        let version = known.in_force.as_ref().map(|(version, _)| *version);
        let trouble = trouble.map(|trouble| Trouble { in_force: version, ..trouble });
        if let Some(trouble) = trouble.as_ref().filter(|trouble| known.trouble.as_ref() != Some(trouble)) {
            tracing::error!(
                rules.version = trouble.version,
                rules.in_force = version,
                "Version {} of the rules cannot be read; the last good one stays in force. Publish a good one",
                trouble.version
            );
        }
        metrics::gauge!(metric::RULES_VERSION).set(version.unwrap_or_default());
        metrics::gauge!(metric::RULES_BROKEN).set(u32::from(trouble.is_some()));
        known.trouble = trouble;
        known.newest = newest;
        known.looked_at = Some(now);
        known.read_at = Some(now);
    }

    /// The rules of a stored version, from memory if the body is the one they were read from; or its first fault. For who
    /// holds `reading`.
    async fn read(&self, published: PublishedRules) -> Result<Arc<Rules>, String> {
        let version = published.head.version;
        let mut hasher = DefaultHasher::new();
        published.body.hash(&mut hasher);
        let digest = Some(hasher.finish());
        let kept = self.known.read().ok().and_then(|known| {
            let kept = known.versions.get(&version)?;
            (kept.digest == digest).then(|| Arc::clone(&kept.rules))
        });
        if let Some(kept) = kept {
            return Ok(kept);
        }
        let read = read_for_calls(format!("version {version}"), published.body).await;
        let rules = read.map_err(|error| told(&error))?;
        let rules = Arc::new(Rules { version, ..rules });
        if let Ok(mut known) = self.known.write() {
            known.keep(version, Kept { digest, rules: Arc::clone(&rules) });
        }
        Ok(rules)
    }
}

impl Known {
    fn keep(&mut self, version: u32, kept: Kept) {
        if self.versions.len() >= VERSIONS_MAX
            && let Some(oldest) = self.versions.keys().min().copied()
        {
            self.versions.remove(&oldest);
        }
        self.versions.insert(version, kept);
    }
}

/// The first fault, with its line.
fn told(error: &RoutingFileError) -> String {
    error.to_string().lines().next().unwrap_or_default().chars().take(REASON_CHARS_MAX).collect()
}

/// Whether something happened less than `span` ago. A clock that was put back tells nothing.
fn is_within(at: Option<DateTime<Utc>>, now: DateTime<Utc>, span: TimeDelta) -> bool {
    at.is_some_and(|at| (TimeDelta::zero()..span).contains(&(now - at)))
}
