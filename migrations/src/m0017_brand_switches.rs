//! What a person switched on for a brand until an instant: overrides and declared floods. The partial index is the
//! promise that a brand has one of a kind at a time.

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
        dialect::run(manager, &["DROP TABLE brand_switches"]).await
    }
}

const UP: &[&str] = &[
    "CREATE TABLE brand_switches (
            id {serial},
            brand TEXT NOT NULL,
            kind TEXT NOT NULL,
            began_at BIGINT NOT NULL,
            until BIGINT NOT NULL,
            began_by TEXT NOT NULL,
            how TEXT NOT NULL,
            reason TEXT NOT NULL,
            include_waiting BIGINT NOT NULL,
            ended_at BIGINT,
            ended_by TEXT
        )",
    "CREATE UNIQUE INDEX brand_switches_on ON brand_switches (brand, kind) WHERE ended_at IS NULL",
    "CREATE INDEX brand_switches_history ON brand_switches (brand, kind, id)",
];
