//! Every published version of the rules.

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
        dialect::run(manager, &["DROP TABLE rules_versions"]).await
    }
}

const UP: &[&str] = &["CREATE TABLE rules_versions (
            version BIGINT NOT NULL PRIMARY KEY,
            body TEXT NOT NULL,
            published_at BIGINT NOT NULL,
            published_by TEXT NOT NULL
        )"];
