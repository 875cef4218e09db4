//! Rules that somebody works on and has not published.

use sea_orm_migration::prelude::*;

use crate::dialect;

/// Makes and removes the table.
#[derive(DeriveMigrationName)]
pub struct Change;

#[async_trait::async_trait]
impl MigrationTrait for Change {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, UP).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, &["DROP TABLE rules_drafts"]).await
    }
}

const UP: &[&str] = &[
    "CREATE TABLE rules_drafts (
            id TEXT NOT NULL PRIMARY KEY,
            name TEXT NOT NULL,
            body TEXT NOT NULL,
            base BIGINT NOT NULL,
            revision BIGINT NOT NULL,
            created_by TEXT NOT NULL,
            created_at BIGINT NOT NULL,
            saved_by TEXT NOT NULL,
            saved_at BIGINT NOT NULL
        )",
    "CREATE INDEX rules_drafts_saved ON rules_drafts (saved_at DESC, id)",
];
