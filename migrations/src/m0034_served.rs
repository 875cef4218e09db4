//! Since when each number is served: calls before that are not ours to take up.

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
        dialect::run(manager, &["DROP TABLE served"]).await
    }
}

const UP: &[&str] = &["CREATE TABLE served (
            number TEXT NOT NULL PRIMARY KEY,
            since BIGINT NOT NULL
        )"];
