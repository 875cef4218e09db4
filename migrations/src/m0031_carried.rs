//! How many legs the carrier's account was found to carry.

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
        dialect::run(manager, &["DROP TABLE carried"]).await
    }
}

const UP: &[&str] = &["CREATE TABLE carried (
            name TEXT NOT NULL PRIMARY KEY,
            legs BIGINT NOT NULL,
            at BIGINT NOT NULL
        )"];
