//! Chatwoot's conversations in the brands' inboxes, as far as they tell how much an agent has to do. `updated_at` is
//! Chatwoot's and orders what is said of a conversation; `heard_at` is ours. An inbox was last read as a whole at `at`.

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
        dialect::run(manager, &["DROP TABLE inboxes_reconciled", "DROP TABLE conversations"]).await
    }
}

const UP: &[&str] = &[
    "CREATE TABLE conversations (
            number BIGINT NOT NULL PRIMARY KEY,
            brand TEXT NOT NULL,
            agent TEXT,
            open BIGINT NOT NULL,
            updated_at BIGINT NOT NULL,
            heard_at BIGINT NOT NULL
        )",
    "CREATE INDEX conversations_open ON conversations (brand, agent) WHERE open = 1",
    "CREATE INDEX conversations_closed ON conversations (heard_at) WHERE open = 0",
    "CREATE TABLE inboxes_reconciled (
            brand TEXT NOT NULL PRIMARY KEY,
            at BIGINT NOT NULL
        )",
];
