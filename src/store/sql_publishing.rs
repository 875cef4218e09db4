//! Rules, drafts and the audit over SQL.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::session::job;
use super::sql::{SqlStore, ask};
use super::{
    Audit, AuditLine, Draft, DraftHead, DraftSave, NewAuditLine, NewVersion, PublishedRules, Publishing, StoreError,
    VersionHead, audit, drafts, rules,
};
use crate::ids::DraftId;

#[async_trait]
impl Publishing for SqlStore {
    async fn publish(&self, new: NewVersion, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.write(ask!(session, new = new => rules::publish(session, &new, now))).await
    }

    async fn publish_rules(&self, body: &str, by: &str, now: DateTime<Utc>) -> Result<u32, StoreError> {
        self.write(
            ask!(session, body = body.to_owned(), by = by.to_owned() => rules::publish_next(session, &body, &by, now)),
        )
        .await
    }

    async fn find_newest_rules(&self) -> Result<Option<VersionHead>, StoreError> {
        self.read(ask!(session => rules::find_newest(session))).await
    }

    async fn find_current_rules(&self) -> Result<Option<PublishedRules>, StoreError> {
        self.read(ask!(session => rules::find_current(session))).await
    }

    async fn find_rules(&self, version: u32) -> Result<Option<PublishedRules>, StoreError> {
        self.read(ask!(session => rules::find(session, version))).await
    }

    async fn list_rules(&self, before: Option<u32>, limit: u32) -> Result<Vec<VersionHead>, StoreError> {
        self.read(ask!(session => rules::list(session, before, limit))).await
    }

    async fn mark_rules(
        &self,
        version: u32,
        broken: Option<&str>,
        by: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        self.write(ask!(session, broken = broken.map(str::to_owned), by = by.to_owned() => {
            rules::mark(session, version, broken.as_deref(), &by, now)
        }))
        .await
    }

    async fn create_draft(&self, id: DraftId, save: DraftSave, now: DateTime<Utc>) -> Result<Draft, StoreError> {
        self.write(ask!(session, save = save => drafts::create(session, id, &save, now))).await
    }

    async fn save_draft(
        &self,
        id: DraftId,
        revision: u32,
        save: DraftSave,
        now: DateTime<Utc>,
    ) -> Result<Draft, StoreError> {
        self.write(ask!(session, save = save => drafts::save(session, id, revision, &save, now))).await
    }

    async fn delete_draft(&self, id: DraftId, revision: u32, by: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.write(ask!(session, by = by.to_owned() => drafts::delete(session, id, revision, &by, now))).await
    }

    async fn find_draft(&self, id: DraftId) -> Result<Option<Draft>, StoreError> {
        self.read(ask!(session => drafts::find(session, id))).await
    }

    async fn list_drafts(&self, limit: u32) -> Result<Vec<DraftHead>, StoreError> {
        self.read(ask!(session => drafts::list(session, limit))).await
    }
}

#[async_trait]
impl Audit for SqlStore {
    async fn note_audit(&self, line: NewAuditLine, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.write(ask!(session, line = line => audit::write(session, &line, now))).await
    }

    async fn list_audit(&self, before: Option<i64>, limit: u32) -> Result<Vec<AuditLine>, StoreError> {
        self.read(ask!(session => audit::list(session, before, limit))).await
    }
}
