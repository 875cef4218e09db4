//! What agents said of their phones in private notes, and what is to be said to that. `off_until` is absent where the note
//! switched on, or nothing; `obeyed` is 1 where it switched anything.

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
        dialect::run(manager, &["DROP TABLE phone_words"]).await
    }
}

const UP: &[&str] = &[
    "CREATE TABLE phone_words (
            message BIGINT NOT NULL PRIMARY KEY,
            conversation BIGINT NOT NULL,
            agent TEXT,
            off_until BIGINT,
            obeyed BIGINT NOT NULL,
            reply TEXT NOT NULL,
            said_at BIGINT NOT NULL,
            replied BIGINT NOT NULL DEFAULT 0
        )",
    "CREATE INDEX phone_words_obeyed ON phone_words (agent, message) WHERE obeyed = 1",
    "CREATE INDEX phone_words_unanswered ON phone_words (message) WHERE replied = 0",
    "CREATE INDEX phone_words_said ON phone_words (said_at)",
];
