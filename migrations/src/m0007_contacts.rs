//! What Chatwoot knows of a phone number.

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
        dialect::run(manager, &["DROP TABLE contacts"]).await
    }
}

const UP: &[&str] = &[
    "CREATE TABLE contacts (
            phone TEXT NOT NULL PRIMARY KEY,
            name TEXT,
            blocked BIGINT NOT NULL,
            contact_id BIGINT NOT NULL
        )",
    "CREATE INDEX contacts_id ON contacts (contact_id)",
];
