//! A refusal of the carrier's is of a phone, not of an agent: another phone of the same agent may ring.
//!
//! The version before goes on with `phone_unreachable`, which this one neither reads nor sets.

use sea_orm_migration::prelude::*;

use crate::dialect;

/// Makes and removes the column.
#[derive(DeriveMigrationName)]
pub struct Change;

#[async_trait::async_trait]
impl MigrationTrait for Change {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, &["ALTER TABLE agents ADD COLUMN refused_phone TEXT"]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, &["ALTER TABLE agents DROP COLUMN refused_phone"]).await
    }
}
