//! Who changed what, and when. Lines are added and never changed.

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
        dialect::run(manager, &["DROP TABLE audit"]).await
    }
}

const UP: &[&str] = &["CREATE TABLE audit (
            id {serial},
            at BIGINT NOT NULL,
            by_whom TEXT NOT NULL,
            action TEXT NOT NULL,
            subject TEXT NOT NULL,
            detail TEXT NOT NULL
        )"];
