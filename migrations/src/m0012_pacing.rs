//! When the next outbound call may start.

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
        dialect::run(manager, &["DROP TABLE pacing"]).await
    }
}

const UP: &[&str] = &["CREATE TABLE pacing (
            name TEXT NOT NULL PRIMARY KEY,
            next_at BIGINT NOT NULL
        )"];
