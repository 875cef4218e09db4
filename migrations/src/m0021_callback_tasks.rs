//! Whom we owe a call back. One open task a caller and brand, by a unique index; a caller without a number has none to be
//! one of. `due_at` without a promise is the largest number there is, so that both engines put it last.

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
        dialect::run(manager, &["DROP TABLE callback_tasks"]).await
    }
}

const UP: &[&str] = &[
    "CREATE TABLE callback_tasks (
            id TEXT NOT NULL PRIMARY KEY,
            brand TEXT NOT NULL,
            caller TEXT,
            caller_name TEXT,
            state TEXT NOT NULL,
            opened_at BIGINT NOT NULL,
            due_at BIGINT NOT NULL,
            missed BIGINT NOT NULL,
            last_call TEXT NOT NULL,
            last_missed_at BIGINT NOT NULL,
            attempts BIGINT NOT NULL DEFAULT 0,
            last_attempt_at BIGINT,
            closed_at BIGINT,
            closed_by TEXT
        )",
    "CREATE UNIQUE INDEX callback_tasks_one_open ON callback_tasks (brand, caller) WHERE state = 'open' AND caller IS NOT NULL",
    "CREATE INDEX callback_tasks_due ON callback_tasks (state, due_at, id)",
    "CREATE INDEX callback_tasks_due_of_brand ON callback_tasks (brand, state, due_at, id)",
];
