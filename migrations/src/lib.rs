//! The tables of Offhook: one change a file, one tree for SQLite and PostgreSQL.
//!
//! Instants are integers, in microseconds since 1970; truths are 0 or 1; identifiers are text. Forward only in
//! production: `down` is for tests and for a release that was installed by mistake.

mod dialect;
mod m0001_calls;
mod m0002_legs;
mod m0003_history;
mod m0004_answers;
mod m0005_outbox;
mod m0006_agents;
mod m0007_contacts;
mod m0008_inbox_links;
mod m0009_recordings;
mod m0010_rules_versions;
mod m0011_deliveries;
mod m0012_pacing;
mod m0013_leases;
mod m0014_rules_published;
mod m0015_rules_drafts;
mod m0016_audit;
mod m0017_brand_switches;
mod m0018_supervisor_codes;
mod m0019_calls_counted;
mod m0020_conversations;
mod m0021_callback_tasks;
mod m0022_phone_words;
mod m0024_shortlists;
mod m0025_sharing;
mod m0026_legs_by_name;
mod m0027_asked;
mod m0031_carried;
mod m0032_refused_phones;
mod m0033_outbox_failing;
mod m0034_served;

use sea_orm_migration::{MigrationTrait, MigratorTrait, async_trait};

/// All changes, oldest first.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_calls::Change),
            Box::new(m0002_legs::Change),
            Box::new(m0003_history::Change),
            Box::new(m0004_answers::Change),
            Box::new(m0005_outbox::Change),
            Box::new(m0006_agents::Change),
            Box::new(m0007_contacts::Change),
            Box::new(m0008_inbox_links::Change),
            Box::new(m0009_recordings::Change),
            Box::new(m0010_rules_versions::Change),
            Box::new(m0011_deliveries::Change),
            Box::new(m0012_pacing::Change),
            Box::new(m0013_leases::Change),
            Box::new(m0014_rules_published::Change),
            Box::new(m0015_rules_drafts::Change),
            Box::new(m0016_audit::Change),
            Box::new(m0017_brand_switches::Change),
            Box::new(m0018_supervisor_codes::Change),
            Box::new(m0019_calls_counted::Change),
            Box::new(m0020_conversations::Change),
            Box::new(m0021_callback_tasks::Change),
            Box::new(m0022_phone_words::Change),
            Box::new(m0024_shortlists::Change),
            Box::new(m0025_sharing::Change),
            Box::new(m0026_legs_by_name::Change),
            Box::new(m0027_asked::Change),
            Box::new(m0031_carried::Change),
            Box::new(m0032_refused_phones::Change),
            Box::new(m0033_outbox_failing::Change),
            Box::new(m0034_served::Change),
        ]
    }
}
