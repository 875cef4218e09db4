//! Supervisors' codes, hashed; the tries at them; and until when no more tries are taken.

use sea_orm_migration::prelude::*;

use crate::dialect;

/// Makes and removes the tables.
#[derive(DeriveMigrationName)]
pub struct Change;

#[async_trait::async_trait]
impl MigrationTrait for Change {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, UP).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, &["DROP TABLE code_guard", "DROP TABLE code_tries", "DROP TABLE supervisor_codes"]).await
    }
}

const UP: &[&str] = &[
    "CREATE TABLE supervisor_codes (
            supervisor TEXT NOT NULL PRIMARY KEY,
            hash TEXT NOT NULL,
            set_at BIGINT NOT NULL,
            set_by TEXT NOT NULL
        )",
    "CREATE UNIQUE INDEX supervisor_codes_hash ON supervisor_codes (hash)",
    "CREATE TABLE code_tries (
            id {serial},
            call_id TEXT NOT NULL,
            caller TEXT NOT NULL,
            at BIGINT NOT NULL
        )",
    "CREATE INDEX code_tries_at ON code_tries (at)",
    "CREATE INDEX code_tries_caller ON code_tries (caller, at)",
    "CREATE INDEX code_tries_call ON code_tries (call_id)",
    "CREATE TABLE code_guard (
            name TEXT NOT NULL PRIMARY KEY,
            locked_until BIGINT,
            lockouts BIGINT NOT NULL
        )",
];
