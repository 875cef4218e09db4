//! Whom a waiting call was offered to, since calls that share phones with it leave it none that it cannot use.

use sea_orm_migration::prelude::*;

use crate::dialect;

/// Makes and removes the column.
#[derive(DeriveMigrationName)]
pub struct Change;

#[async_trait::async_trait]
impl MigrationTrait for Change {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, &["ALTER TABLE calls ADD COLUMN asked TEXT"]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, &["ALTER TABLE calls DROP COLUMN asked"]).await
    }
}
