//! Indexes by which calls are counted: those of withheld numbers, those under way, those of a brand by how they ended.

use sea_orm_migration::prelude::*;

use crate::dialect;

/// Makes and removes the indexes.
#[derive(DeriveMigrationName)]
pub struct Change;

#[async_trait::async_trait]
impl MigrationTrait for Change {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, UP).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, &["DROP INDEX calls_endings", "DROP INDEX calls_talking", "DROP INDEX calls_withheld"])
            .await
    }
}

const UP: &[&str] = &[
    "CREATE INDEX calls_withheld ON calls (brand, arrived_at) WHERE caller IS NULL",
    "CREATE INDEX calls_talking ON calls (caller, brand) WHERE stage = 'talking'",
    "CREATE INDEX calls_endings ON calls (brand, arrived_at, ending) WHERE ending IS NOT NULL",
];
