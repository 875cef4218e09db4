//! One row a call; the whole of it is in `body`, the other columns are what it is looked up by.

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
        dialect::run(manager, &["DROP TABLE calls"]).await
    }
}

const UP: &[&str] = &[
    "CREATE TABLE calls (
            id TEXT NOT NULL PRIMARY KEY,
            brand TEXT NOT NULL,
            number TEXT NOT NULL,
            caller TEXT,
            caller_ref TEXT NOT NULL,
            stage TEXT NOT NULL,
            owner_agent TEXT,
            ending TEXT,
            version BIGINT NOT NULL,
            wake_at BIGINT,
            waiting BIGINT NOT NULL,
            arrived_at BIGINT NOT NULL,
            ended_at BIGINT,
            body TEXT NOT NULL
        )",
    "CREATE UNIQUE INDEX calls_caller_ref ON calls (caller_ref)",
    "CREATE INDEX calls_wake ON calls (wake_at, id) WHERE wake_at IS NOT NULL",
    "CREATE INDEX calls_waiting ON calls (arrived_at, id) WHERE waiting = 1",
    "CREATE INDEX calls_recent ON calls (arrived_at, id)",
    "CREATE INDEX calls_from ON calls (caller, brand, arrived_at) WHERE caller IS NOT NULL",
];
