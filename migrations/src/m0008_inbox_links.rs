//! Where each call stands in Chatwoot.

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
        dialect::run(manager, &["DROP TABLE inbox_links"]).await
    }
}

const UP: &[&str] = &["CREATE TABLE inbox_links (
            call_id TEXT NOT NULL PRIMARY KEY,
            contact_id BIGINT NOT NULL,
            conversation_id BIGINT NOT NULL
        )"];
