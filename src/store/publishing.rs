//! Published versions of the rules, and the drafts they come from: what is asked of a store about them.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::json;

use super::StoreError;
use super::audit::NewAuditLine;
use crate::ids::DraftId;

/// What is known of a published version besides its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionHead {
    /// From 1, without gaps.
    pub version: u32,
    /// When.
    pub published_at: DateTime<Utc>,
    /// By whom.
    pub published_by: String,
    /// Why, in the words of whoever published it.
    pub note: Option<String>,
    /// The version it was made from; none for the first, and where nobody said.
    pub base: Option<u32>,
    /// The version whose rules it brought back, if it did.
    pub rolled_back_from: Option<u32>,
    /// That it cannot be read any more.
    pub broken: Option<BrokenMark>,
    /// Length of the body.
    pub body_bytes: u64,
}

/// That a published version turned out not to be readable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenMark {
    /// The first fault.
    pub reason: String,
    /// When it was found out.
    pub at: DateTime<Utc>,
}

/// A published version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedRules {
    /// What is known of it.
    pub head: VersionHead,
    /// The document, as the text of a routing file.
    pub body: String,
}

/// A version to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewVersion {
    /// Its number: one more than that of the newest.
    pub version: u32,
    /// The version it was made from; none for the first.
    pub base: Option<u32>,
    /// The document.
    pub body: String,
    /// By whom.
    pub by: String,
    /// Why.
    pub note: Option<String>,
    /// The version whose rules it brings back, if it does.
    pub rolled_back_from: Option<u32>,
    /// The draft that it is, with the revision that was looked at; the draft goes with it.
    pub draft: Option<(DraftId, u32)>,
}

/// What is known of a draft besides its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftHead {
    /// The draft.
    pub id: DraftId,
    /// What it is for, in the words of whoever made it.
    pub name: String,
    /// The version it was made from; 0 if there was none.
    pub base: u32,
    /// Counts up from 1 with every save.
    pub revision: u32,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// Who saved it last.
    pub saved_by: String,
    /// When.
    pub saved_at: DateTime<Utc>,
}

/// Rules that somebody works on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// What is known of it.
    pub head: DraftHead,
    /// The document, as the text of a routing file.
    pub body: String,
}

/// What a save of a draft writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftSave {
    /// What it is for.
    pub name: String,
    /// The document.
    pub body: String,
    /// The version it is made from; 0 if there is none.
    pub base: u32,
    /// Who saves it.
    pub by: String,
}

/// Versions and drafts of the rules. Each change adds its line to the audit.
#[async_trait]
pub trait Publishing: Send + Sync {
    /// Publishes a version, and takes away the draft that it was, in one transaction.
    ///
    /// # Errors
    /// `Conflict(RulesPublished)` when its number is not the next, `Conflict(DraftChanged)` when the draft has another
    /// revision, `NotFound` when there is no such draft; then nothing changed.
    async fn publish(&self, new: NewVersion, now: DateTime<Utc>) -> Result<(), StoreError>;
    /// Publishes a body as the next version, whatever was published before; returns its number.
    async fn publish_rules(&self, body: &str, by: &str, now: DateTime<Utc>) -> Result<u32, StoreError>;
    /// The newest version, without its body.
    async fn find_newest_rules(&self) -> Result<Option<VersionHead>, StoreError>;
    /// The newest version that is not marked as broken.
    async fn find_current_rules(&self) -> Result<Option<PublishedRules>, StoreError>;
    /// One version.
    async fn find_rules(&self, version: u32) -> Result<Option<PublishedRules>, StoreError>;
    /// Versions, the newest first, of those before version `before`; at most `limit`.
    async fn list_rules(&self, before: Option<u32>, limit: u32) -> Result<Vec<VersionHead>, StoreError>;
    /// Marks a version as broken, with the reason, or as good again; false when it was so marked before. The first reason
    /// stays.
    async fn mark_rules(
        &self,
        version: u32,
        broken: Option<&str>,
        by: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError>;

    /// Keeps a new draft, as revision 1.
    async fn create_draft(&self, id: DraftId, save: DraftSave, now: DateTime<Utc>) -> Result<Draft, StoreError>;
    /// Writes the next revision of a draft.
    ///
    /// # Errors
    /// `Conflict(DraftChanged)` when the stored revision is not `revision`, `NotFound` when there is no such draft.
    async fn save_draft(
        &self,
        id: DraftId,
        revision: u32,
        save: DraftSave,
        now: DateTime<Utc>,
    ) -> Result<Draft, StoreError>;
    /// Takes a draft away.
    ///
    /// # Errors
    /// As [`Self::save_draft`].
    async fn delete_draft(&self, id: DraftId, revision: u32, by: &str, now: DateTime<Utc>) -> Result<(), StoreError>;
    /// One draft.
    async fn find_draft(&self, id: DraftId) -> Result<Option<Draft>, StoreError>;
    /// Drafts, the last saved first, at most `limit`.
    async fn list_drafts(&self, limit: u32) -> Result<Vec<DraftHead>, StoreError>;
}

/// The audit's line of a publish.
pub(super) fn published_line(new: &NewVersion) -> NewAuditLine {
    NewAuditLine {
        by: new.by.clone(),
        action: if new.rolled_back_from.is_some() { "rules_rolled_back" } else { "rules_published" },
        subject: format!("rules/versions/{}", new.version),
        detail: json!({
            "base": new.base,
            "note": new.note,
            "rolled_back_from": new.rolled_back_from,
            "draft": new.draft.map(|(id, _)| id.to_string()),
        }),
    }
}

/// The audit's line of a mark.
pub(super) fn marked_line(version: u32, broken: Option<&str>, by: &str) -> NewAuditLine {
    NewAuditLine {
        by: by.to_owned(),
        action: if broken.is_some() { "rules_found_broken" } else { "rules_found_good" },
        subject: format!("rules/versions/{version}"),
        detail: json!({ "reason": broken }),
    }
}

/// The audit's line of what became of a draft.
pub(super) fn draft_line(action: &'static str, id: DraftId, revision: u32, by: &str) -> NewAuditLine {
    NewAuditLine {
        by: by.to_owned(),
        action,
        subject: format!("rules/drafts/{id}"),
        detail: json!({ "revision": revision }),
    }
}
