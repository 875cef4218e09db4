//! Audio that we hold.

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
        dialect::run(manager, &["DROP TABLE recordings"]).await
    }
}

const UP: &[&str] = &[
    "CREATE TABLE recordings (
            recording TEXT NOT NULL PRIMARY KEY,
            call_id TEXT NOT NULL,
            content_type TEXT NOT NULL,
            stored_at BIGINT NOT NULL,
            audio {bytes} NOT NULL
        )",
    "CREATE INDEX recordings_call ON recordings (call_id)",
];
