//! Effects on their way to a neighbour. `ready_at` is the later of `due_at` and the end of the lease; `state` is due, done or dead.

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
        dialect::run(manager, &["DROP TABLE outbox"]).await
    }
}

const UP: &[&str] = &[
    "CREATE TABLE outbox (
            id {serial},
            key TEXT NOT NULL,
            lane TEXT NOT NULL,
            neighbour TEXT NOT NULL,
            kind TEXT NOT NULL,
            call_id TEXT NOT NULL REFERENCES calls (id),
            body TEXT NOT NULL,
            due_at BIGINT NOT NULL,
            ready_at BIGINT NOT NULL,
            attempts BIGINT NOT NULL DEFAULT 0,
            lease BIGINT NOT NULL DEFAULT 0,
            claimed_until BIGINT,
            taken_over BIGINT NOT NULL DEFAULT 0,
            state TEXT NOT NULL DEFAULT 'due',
            last_error TEXT,
            created_at BIGINT NOT NULL
        )",
    "CREATE UNIQUE INDEX outbox_key ON outbox (key)",
    "CREATE INDEX outbox_ready ON outbox (neighbour, ready_at, id) WHERE state = 'due'",
    "CREATE INDEX outbox_next ON outbox (ready_at, id) WHERE state = 'due'",
    "CREATE INDEX outbox_lane ON outbox (lane, id) WHERE state = 'due'",
    "CREATE INDEX outbox_rings ON outbox (id) WHERE state = 'due' AND kind = 'ring_agent'",
    "CREATE INDEX outbox_dead ON outbox (id) WHERE state = 'dead'",
];
