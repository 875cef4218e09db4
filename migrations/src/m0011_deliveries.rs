//! Deliveries of Chatwoot that were seen.

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
        dialect::run(manager, &["DROP TABLE deliveries"]).await
    }
}

const UP: &[&str] = &[
    "CREATE TABLE deliveries (
            id TEXT NOT NULL PRIMARY KEY,
            at BIGINT NOT NULL
        )",
    "CREATE INDEX deliveries_at ON deliveries (at)",
];
