//! Phones that the carrier refused, and how they are believed in again.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::json;

use super::model::ModelStore;
use super::session::{Session, job, values};
use super::sql::{SqlStore, ask};
use super::{NewAuditLine, StoreError, audit};
use crate::ids::AgentId;

/// Phones that the carrier refused.
#[async_trait]
pub trait Refusals: Send + Sync {
    /// Forgets that the carrier refused the agent's phone, so that it is rung again; false if it was not refused.
    async fn trust_phone(&self, agent: &AgentId, by: &str, now: DateTime<Utc>) -> Result<bool, StoreError>;
}

#[async_trait]
impl Refusals for SqlStore {
    async fn trust_phone(&self, agent: &AgentId, by: &str, now: DateTime<Utc>) -> Result<bool, StoreError> {
        self.write(ask!(session, agent = agent.clone(), by = by.to_owned() => trust(session, &agent, &by, now))).await
    }
}

#[async_trait]
impl Refusals for ModelStore {
    async fn trust_phone(&self, agent: &AgentId, by: &str, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let mut tables = self.tables()?;
        let was_refused = tables.facts.agent(agent).refused_phone.take().is_some();
        if was_refused {
            tables.publishing.note(trusted_line(agent, by), now);
        }
        Ok(was_refused)
    }
}

async fn trust(session: &Session<'_>, agent: &AgentId, by: &str, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let sql = "UPDATE agents SET refused_phone = NULL WHERE agent = $1 AND refused_phone IS NOT NULL";
    let was_refused = session.run("trust the phone", sql, values![agent.as_str()]).await? == 1;
    if was_refused {
        audit::write(session, &trusted_line(agent, by), now).await?;
    }
    Ok(was_refused)
}

fn trusted_line(agent: &AgentId, by: &str) -> NewAuditLine {
    let subject = format!("agents/{agent}/unreachable");
    NewAuditLine { by: by.to_owned(), action: "phone_trusted", subject, detail: json!({}) }
}
