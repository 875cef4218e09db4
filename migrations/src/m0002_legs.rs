//! Legs to agents. The two partial indexes are the promise that no phone is rung for two calls.

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
        dialect::run(manager, &["DROP TABLE legs"]).await
    }
}

const UP: &[&str] = &[
    "CREATE TABLE legs (
            call_id TEXT NOT NULL REFERENCES calls (id),
            number BIGINT NOT NULL,
            agent TEXT NOT NULL,
            phone TEXT NOT NULL,
            carrier_ref TEXT,
            live BIGINT NOT NULL,
            talking BIGINT NOT NULL,
            offered_at BIGINT NOT NULL,
            PRIMARY KEY (call_id, number)
        )",
    "CREATE UNIQUE INDEX legs_live_agent ON legs (agent) WHERE live = 1",
    "CREATE UNIQUE INDEX legs_live_phone ON legs (phone) WHERE live = 1",
    "CREATE INDEX legs_offered ON legs (offered_at)",
];
