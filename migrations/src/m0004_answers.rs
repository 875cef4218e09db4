//! The first answer to each request, to be repeated word for word.

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
        dialect::run(manager, &["DROP TABLE answers"]).await
    }
}

const UP: &[&str] = &[
    "CREATE TABLE answers (
            key TEXT NOT NULL PRIMARY KEY,
            body TEXT NOT NULL,
            at BIGINT NOT NULL
        )",
    "CREATE INDEX answers_at ON answers (at)",
];
