//! What tells whether a waiting call wants phones, and for whom it asks.

use sea_orm_migration::prelude::*;

use crate::dialect;

/// Makes and removes the columns.
#[derive(DeriveMigrationName)]
pub struct Change;

#[async_trait::async_trait]
impl MigrationTrait for Change {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, UP).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, DOWN).await
    }
}

const UP: &[&str] = &[
    "ALTER TABLE calls ADD COLUMN intent TEXT",
    "ALTER TABLE calls ADD COLUMN wants_phones BIGINT NOT NULL DEFAULT 0",
];

const DOWN: &[&str] = &["ALTER TABLE calls DROP COLUMN wants_phones", "ALTER TABLE calls DROP COLUMN intent"];
