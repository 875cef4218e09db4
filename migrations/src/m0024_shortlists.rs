//! Keyless answers in a row, the age of the active-queue figure, and what shortlists of large rosters were taken from.

use sea_orm_migration::prelude::*;

use crate::dialect;

/// Makes and removes them.
#[derive(DeriveMigrationName)]
pub struct Change;

#[async_trait::async_trait]
impl MigrationTrait for Change {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, UP).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, DOWN).await
    }
}

const UP: &[&str] = &[
    "ALTER TABLE agents ADD COLUMN keyless BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE agents ADD COLUMN open_conversations_at BIGINT",
    "CREATE TABLE shortlist_facts (
            call_id TEXT NOT NULL,
            version BIGINT NOT NULL,
            facts {bytes} NOT NULL,
            PRIMARY KEY (call_id, version)
        )",
];

const DOWN: &[&str] = &[
    "DROP TABLE shortlist_facts",
    "ALTER TABLE agents DROP COLUMN open_conversations_at",
    "ALTER TABLE agents DROP COLUMN keyless",
];
