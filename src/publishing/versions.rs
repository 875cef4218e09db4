//! Publishing, and bringing back what was published before.

use std::sync::Arc;

use super::{Desk, Meanwhile, Refused, check_words, nothing};
use crate::ids::DraftId;
use crate::rules::diff::{Change, diff};
use crate::rules::{Agent, Rules, export};
use crate::store::{Conflict, NewVersion, StoreError, VersionHead};
use crate::switchboard::reading::aside;
use crate::telemetry::Chain;

/// Longest note of a version.
pub const NOTE_CHARS_MAX: usize = 500;

/// Versions told of when somebody was late.
const MEANWHILE_MAX: u32 = 20;

/// Two that publish at once are told apart by the number; the second looks again so often.
const TRIES_MAX: u32 = 4;

/// The version that a change was made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upon {
    /// This one, 0 for none; refused if another is in force.
    Version(u32),
    /// Whatever is in force: who imports a whole file means the file.
    Whatever,
}

/// What came of publishing.
#[derive(Debug, Clone, PartialEq)]
pub struct Published {
    /// The version in force now.
    pub version: u32,
    /// Whether it is a new one; not if the rules in force say the same already.
    pub is_new: bool,
    /// The version in force before; 0 if there was none.
    pub base: u32,
    /// What changed against the rules in force before; everything is new if there were none.
    pub changes: Vec<Change>,
    /// The rules.
    pub rules: Rules,
}

/// What is to be published.
struct Edition<'e> {
    rules: Rules,
    upon: Upon,
    by: &'e str,
    note: Option<String>,
    rolled_back_from: Option<u32>,
    draft: Option<(DraftId, u32)>,
}

impl Desk {
    /// Publishes a whole set of rules.
    ///
    /// # Errors
    /// `Faults` for numbers that may not be called, `Meanwhile`, `Field` for the note, the store's.
    pub async fn publish(&self, rules: Rules, upon: Upon, by: &str, note: Option<&str>) -> Result<Published, Refused> {
        let rules = self.check_numbers(rules).await?;
        let note = check_note(note)?;
        self.bring_out(Edition { rules, upon, by, note, rolled_back_from: None, draft: None }).await
    }

    /// Publishes a draft as it was last saved, if that was revision `revision`; the draft is gone then.
    ///
    /// # Errors
    /// `Absent`, `DraftChanged`, `Meanwhile` when another version than the draft's base is in force, `Faults` when the
    /// draft cannot be used any more, `Field` for the note, the store's.
    pub async fn publish_draft(
        &self,
        id: DraftId,
        revision: u32,
        by: &str,
        note: Option<&str>,
    ) -> Result<Published, Refused> {
        let note = check_note(note)?;
        let (draft, rules) = self.load_draft(id).await?;
        if draft.head.revision != revision {
            return Err(Refused::DraftChanged);
        }
        let rules = self.check_numbers(rules.map_err(Refused::Faults)?).await?;
        let upon = Upon::Version(draft.head.base);
        let note = note.or(Some(draft.head.name));
        self.bring_out(Edition { rules, upon, by, note, rolled_back_from: None, draft: Some((id, revision)) }).await
    }

    /// Publishes the rules of an earlier version again.
    ///
    /// # Errors
    /// `Absent`, `Unreadable`, `Meanwhile`, `Faults` for numbers that may not be called any more, `Field` for the note, the
    /// store's.
    pub async fn roll_back(
        &self,
        version: u32,
        upon: Upon,
        by: &str,
        note: Option<&str>,
    ) -> Result<Published, Refused> {
        let note = check_note(note)?;
        let (_, rules) = self.load_version(version).await?;
        let rules = self.check_numbers(rules).await?;
        self.bring_out(Edition { rules, upon, by, note, rolled_back_from: Some(version), draft: None }).await
    }

    async fn bring_out(&self, edition: Edition<'_>) -> Result<Published, Refused> {
        for _ in 0..TRIES_MAX {
            // Looked at before what is in force: whoever publishes in between is met by the store or by `upon`.
            let newest = self.store.find_newest_rules().await?.map_or(0, |head| head.version);
            let in_force = self.load_in_force().await?;
            let base = in_force.as_ref().map_or(0, |(version, _)| *version);
            if let Upon::Version(upon) = edition.upon
                && upon != base
            {
                return Err(Refused::Meanwhile(Box::new(self.tell_meanwhile(upon, in_force).await?)));
            }
            let before = in_force.map(|(_, rules)| rules);
            let version = newest + 1;
            let rules = Rules { version, ..edition.rules.clone() };
            let Proof { rules, changes, body } = proof(rules, before.clone(), edition.by.to_owned()).await;
            // While the newest version is broken, the last good one is worth publishing again.
            if changes.is_empty() && newest == base && base > 0 {
                // Whoever published a draft is done with it, whether or not it changed anything.
                if let Some((id, revision)) = edition.draft {
                    let gone = self.store.delete_draft(id, revision, edition.by, self.clock.now()).await;
                    gone.map_err(|error| Refused::of_draft(error, id))?;
                }
                return Ok(Published { version: base, is_new: false, base, changes, rules });
            }
            let new = NewVersion {
                version,
                base: (base > 0).then_some(base),
                body,
                by: edition.by.to_owned(),
                note: edition.note.clone(),
                rolled_back_from: edition.rolled_back_from,
                draft: edition.draft,
            };
            match self.store.publish(new, self.clock.now()).await {
                Ok(()) => {
                    // It is in force even if this one cannot be told so: everybody looks again within a second.
                    if let Err(error) = self.rulebook.refresh().await {
                        tracing::warn!(error = %Chain(&error), "the newly published rules could not be read at once");
                    }
                    if let Some(before) = &before {
                        self.trust_changed_phones(before, &rules, edition.by).await;
                    }
                    tracing::info!(rules.version = version, "version {version} of the rules was published");
                    return Ok(Published { version, is_new: true, base, changes, rules });
                }
                Err(StoreError::Conflict(Conflict::RulesPublished)) => {}
                Err(error) => {
                    return Err(Refused::of_draft(
                        error,
                        edition.draft.map_or_else(String::new, |(id, _)| id.to_string()),
                    ));
                }
            }
        }
        Err(Refused::Contended)
    }

    /// What the carrier refused was the phone before: should it ever come back, it is tried again. That another phone is
    /// not refused does not hang on this.
    async fn trust_changed_phones(&self, before: &Rules, rules: &Rules, by: &str) {
        let is_changed = |agent: &&Agent| before.find_agent(&agent.id).is_some_and(|old| old.phone != agent.phone);
        for agent in rules.agents.iter().filter(is_changed) {
            if let Err(error) = self.store.trust_phone(&agent.id, by, self.clock.now()).await {
                tracing::warn!(agent = %agent.id, error = %Chain(&error), "a refusal of the phone before could not be forgotten");
            }
        }
    }

    async fn tell_meanwhile(&self, base: u32, in_force: Option<(u32, Arc<Rules>)>) -> Result<Meanwhile, Refused> {
        let (version, rules) = in_force.map_or((0, None), |(version, rules)| (version, Some(rules)));
        let mut published = self.store.list_rules(Some(version + 1), MEANWHILE_MAX).await?;
        published.retain(|head: &VersionHead| head.version > base);
        let was = match base {
            0 => Some(nothing()),
            base => self.load_version(base).await.ok().map(|(_, rules)| rules),
        };
        let changes = match was.zip(rules) {
            Some((was, is)) => Some(aside(move || diff(&was, &is)).await),
            None => None,
        };
        Ok(Meanwhile { base, in_force: version, published, changes })
    }
}

/// Rules as they are about to come out.
struct Proof {
    rules: Rules,
    /// Against what is in force.
    changes: Vec<Change>,
    /// As they are stored.
    body: String,
}

async fn proof(mut rules: Rules, before: Option<Arc<Rules>>, by: String) -> Proof {
    aside(move || {
        vouch(&mut rules, before.as_ref(), &by);
        let changes = diff(before.as_deref().unwrap_or(&nothing()), &rules);
        let body = export(&rules);
        Proof { rules, changes, body }
    })
    .await
}

/// Whoever publishes vouches for each phone that was not verified in the rules in force, whatever the document says; whoever
/// vouched for one that was stays named. For a phone that is not verified nobody does.
fn vouch(rules: &mut Rules, before: Option<&Arc<Rules>>, by: &str) {
    for agent in &mut rules.agents {
        if !agent.phone_verified {
            agent.vouched_by = None;
            continue;
        }
        let known = before.and_then(|before| before.agent(&agent.id));
        let known = known.filter(|known| known.phone_verified && known.phone == agent.phone);
        agent.vouched_by = Some(known.and_then(|known| known.vouched_by.clone()).unwrap_or_else(|| by.to_owned()));
    }
}

fn check_note(note: Option<&str>) -> Result<Option<String>, Refused> {
    note.map(|note| check_words("note", note, NOTE_CHARS_MAX)).transpose()
}
