//! What is known of a published version besides its body: why, upon which, and whether it turned out broken.

use sea_orm_migration::prelude::*;

use crate::dialect;

/// Adds the columns and takes them away. All may be null, so that a replica of the release before goes on publishing.
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
    "ALTER TABLE rules_versions ADD COLUMN note TEXT",
    "ALTER TABLE rules_versions ADD COLUMN base BIGINT",
    "ALTER TABLE rules_versions ADD COLUMN rolled_back_from BIGINT",
    "ALTER TABLE rules_versions ADD COLUMN broken TEXT",
    "ALTER TABLE rules_versions ADD COLUMN broken_at BIGINT",
];

const DOWN: &[&str] = &[
    "ALTER TABLE rules_versions DROP COLUMN broken_at",
    "ALTER TABLE rules_versions DROP COLUMN broken",
    "ALTER TABLE rules_versions DROP COLUMN rolled_back_from",
    "ALTER TABLE rules_versions DROP COLUMN base",
    "ALTER TABLE rules_versions DROP COLUMN note",
];
