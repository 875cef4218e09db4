//! Live legs are found by the carrier's name: an agent who called in by themselves hangs up.

use sea_orm_migration::prelude::*;

use crate::dialect;

/// Makes and removes the index.
#[derive(DeriveMigrationName)]
pub struct Change;

#[async_trait::async_trait]
impl MigrationTrait for Change {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, &["CREATE INDEX legs_live_name ON legs (carrier_ref) WHERE live = 1"]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, &["DROP INDEX legs_live_name"]).await
    }
}
