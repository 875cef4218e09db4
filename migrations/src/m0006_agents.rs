//! What is known of each agent apart from the rules.

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
        dialect::run(manager, &["DROP TABLE agents"]).await
    }
}

const UP: &[&str] = &["CREATE TABLE agents (
            agent TEXT NOT NULL PRIMARY KEY,
            presence TEXT NOT NULL DEFAULT 'unknown',
            presence_at BIGINT,
            switched_off_until BIGINT,
            rests_until BIGINT,
            paused_until BIGINT,
            last_offered_at BIGINT,
            passed_over BIGINT NOT NULL DEFAULT 0,
            misses BIGINT NOT NULL DEFAULT 0,
            phone_unreachable BIGINT NOT NULL DEFAULT 0,
            open_conversations BIGINT NOT NULL DEFAULT 0
        )"];
