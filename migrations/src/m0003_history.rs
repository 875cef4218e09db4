//! What happened to each call, a line a saved decision.

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
        dialect::run(manager, &["DROP TABLE history"]).await
    }
}

const UP: &[&str] = &["CREATE TABLE history (
            call_id TEXT NOT NULL REFERENCES calls (id),
            version BIGINT NOT NULL,
            at BIGINT NOT NULL,
            signal TEXT NOT NULL,
            events TEXT NOT NULL,
            PRIMARY KEY (call_id, version)
        )"];
