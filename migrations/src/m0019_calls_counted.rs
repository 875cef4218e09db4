//! By what calls are counted and callers judged: those of withheld numbers, those under way, those of a brand by how they
//! ended; and which contacts there are only because somebody called.

use sea_orm_migration::prelude::*;

use crate::dialect;

/// Makes and removes the indexes and the table.
#[derive(DeriveMigrationName)]
pub struct Change;

#[async_trait::async_trait]
impl MigrationTrait for Change {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, UP).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let down = [
            "DROP TABLE made_contacts",
            "DROP INDEX calls_endings",
            "DROP INDEX calls_talking",
            "DROP INDEX calls_withheld",
        ];
        dialect::run(manager, &down).await
    }
}

const UP: &[&str] = &[
    "CREATE INDEX calls_withheld ON calls (brand, arrived_at) WHERE caller IS NULL",
    "CREATE INDEX calls_talking ON calls (caller, brand) WHERE stage = 'talking'",
    "CREATE INDEX calls_endings ON calls (brand, arrived_at, ending) WHERE ending IS NOT NULL",
    "CREATE TABLE made_contacts (
            contact_id BIGINT NOT NULL PRIMARY KEY,
            at BIGINT NOT NULL
        )",
];
