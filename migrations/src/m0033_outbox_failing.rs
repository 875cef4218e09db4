//! Since when an effect fails: a phone that waited for its turn is not given up at its first failure.

use sea_orm_migration::prelude::*;

use crate::dialect;

/// Makes and removes the column.
#[derive(DeriveMigrationName)]
pub struct Change;

#[async_trait::async_trait]
impl MigrationTrait for Change {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, &["ALTER TABLE outbox ADD COLUMN failed_at BIGINT"]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, &["ALTER TABLE outbox DROP COLUMN failed_at"]).await
    }
}
