//! Rules, drafts and the audit in memory.

use std::collections::HashMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::model::ModelStore;
use super::publishing::{draft_line, marked_line, published_line};
use super::{
    Audit, AuditLine, BrokenMark, Conflict, Draft, DraftHead, DraftSave, NewAuditLine, NewVersion, PublishedRules,
    Publishing, StoreError, VersionHead,
};
use crate::ids::DraftId;

#[derive(Debug, Default)]
pub(super) struct PublishingTables {
    versions: Vec<PublishedRules>,
    drafts: HashMap<DraftId, Draft>,
    audit: Vec<AuditLine>,
}

impl PublishingTables {
    fn next_version(&self) -> u32 {
        self.versions.last().map_or(1, |last| last.head.version + 1)
    }

    pub(super) fn note(&mut self, line: NewAuditLine, at: DateTime<Utc>) {
        let id = self.audit.last().map_or(1, |last| last.id + 1);
        let NewAuditLine { by, action, subject, detail } = line;
        self.audit.push(AuditLine { id, at, by, action: action.to_owned(), subject, detail });
    }

    fn publish(&mut self, new: NewVersion, now: DateTime<Utc>) {
        self.note(published_line(&new), now);
        let head = VersionHead {
            version: new.version,
            published_at: now,
            published_by: new.by,
            note: new.note,
            base: new.base,
            rolled_back_from: new.rolled_back_from,
            broken: None,
            body_bytes: u64::try_from(new.body.len()).unwrap_or(u64::MAX),
        };
        self.versions.push(PublishedRules { head, body: new.body });
    }

    /// The draft, if it has this revision.
    fn draft(&mut self, id: DraftId, revision: u32) -> Result<&mut Draft, StoreError> {
        let draft = self.drafts.get_mut(&id).ok_or(StoreError::NotFound { what: "draft" })?;
        if draft.head.revision == revision { Ok(draft) } else { Err(StoreError::Conflict(Conflict::DraftChanged)) }
    }
}

#[async_trait]
impl Publishing for ModelStore {
    async fn publish(&self, new: NewVersion, now: DateTime<Utc>) -> Result<(), StoreError> {
        let tables = &mut self.tables()?.publishing;
        if let Some((id, revision)) = new.draft {
            tables.draft(id, revision)?;
        }
        if new.version != tables.next_version() {
            return Err(StoreError::Conflict(Conflict::RulesPublished));
        }
        if let Some((id, _)) = new.draft {
            tables.drafts.remove(&id);
        }
        tables.publish(new, now);
        Ok(())
    }

    async fn publish_rules(&self, body: &str, by: &str, now: DateTime<Utc>) -> Result<u32, StoreError> {
        let tables = &mut self.tables()?.publishing;
        let version = tables.next_version();
        let (body, by) = (body.to_owned(), by.to_owned());
        tables.publish(
            NewVersion { version, base: None, body, by, note: None, rolled_back_from: None, draft: None },
            now,
        );
        Ok(version)
    }

    async fn find_newest_rules(&self) -> Result<Option<VersionHead>, StoreError> {
        Ok(self.tables()?.publishing.versions.last().map(|rules| rules.head.clone()))
    }

    async fn find_current_rules(&self) -> Result<Option<PublishedRules>, StoreError> {
        Ok(self.tables()?.publishing.versions.iter().rev().find(|rules| rules.head.broken.is_none()).cloned())
    }

    async fn find_rules(&self, version: u32) -> Result<Option<PublishedRules>, StoreError> {
        Ok(self.tables()?.publishing.versions.iter().find(|rules| rules.head.version == version).cloned())
    }

    async fn list_rules(&self, before: Option<u32>, limit: u32) -> Result<Vec<VersionHead>, StoreError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let tables = self.tables()?;
        let heads = tables.publishing.versions.iter().rev().map(|rules| &rules.head);
        Ok(heads.filter(|head| before.is_none_or(|before| head.version < before)).take(limit).cloned().collect())
    }

    async fn mark_rules(
        &self,
        version: u32,
        broken: Option<&str>,
        by: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let tables = &mut self.tables()?.publishing;
        let found = tables.versions.iter_mut().find(|rules| rules.head.version == version);
        let Some(rules) = found.filter(|rules| rules.head.broken.is_some() != broken.is_some()) else {
            return Ok(false);
        };
        rules.head.broken = broken.map(|reason| BrokenMark { reason: reason.to_owned(), at: now });
        tables.note(marked_line(version, broken, by), now);
        Ok(true)
    }

    async fn create_draft(&self, id: DraftId, save: DraftSave, now: DateTime<Utc>) -> Result<Draft, StoreError> {
        let tables = &mut self.tables()?.publishing;
        let head = DraftHead {
            id,
            name: save.name,
            base: save.base,
            revision: 1,
            created_by: save.by.clone(),
            created_at: now,
            saved_by: save.by,
            saved_at: now,
        };
        let draft = Draft { head, body: save.body };
        tables.note(draft_line("rules_draft_created", id, 1, &draft.head.saved_by), now);
        tables.drafts.insert(id, draft.clone());
        Ok(draft)
    }

    async fn save_draft(
        &self,
        id: DraftId,
        revision: u32,
        save: DraftSave,
        now: DateTime<Utc>,
    ) -> Result<Draft, StoreError> {
        let tables = &mut self.tables()?.publishing;
        let draft = tables.draft(id, revision)?;
        draft.body = save.body;
        draft.head = DraftHead {
            name: save.name,
            base: save.base,
            revision: revision + 1,
            saved_by: save.by,
            saved_at: now,
            ..draft.head.clone()
        };
        let draft = draft.clone();
        tables.note(draft_line("rules_draft_saved", id, revision + 1, &draft.head.saved_by), now);
        Ok(draft)
    }

    async fn delete_draft(&self, id: DraftId, revision: u32, by: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
        let tables = &mut self.tables()?.publishing;
        tables.draft(id, revision)?;
        tables.drafts.remove(&id);
        tables.note(draft_line("rules_draft_deleted", id, revision, by), now);
        Ok(())
    }

    async fn find_draft(&self, id: DraftId) -> Result<Option<Draft>, StoreError> {
        Ok(self.tables()?.publishing.drafts.get(&id).cloned())
    }

    async fn list_drafts(&self, limit: u32) -> Result<Vec<DraftHead>, StoreError> {
        let tables = self.tables()?;
        let mut heads: Vec<DraftHead> = tables.publishing.drafts.values().map(|draft| draft.head.clone()).collect();
        heads.sort_by_key(|head| (std::cmp::Reverse(head.saved_at), head.id.to_string()));
        heads.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(heads)
    }
}

#[async_trait]
impl Audit for ModelStore {
    async fn note_audit(&self, line: NewAuditLine, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.tables()?.publishing.note(line, now);
        Ok(())
    }

    async fn list_audit(&self, before: Option<i64>, limit: u32) -> Result<Vec<AuditLine>, StoreError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let tables = self.tables()?;
        let lines = tables.publishing.audit.iter().rev();
        Ok(lines.filter(|line| before.is_none_or(|before| line.id < before)).take(limit).cloned().collect())
    }
}
