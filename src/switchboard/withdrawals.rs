//! Agents whose phones must not ring any more, told to every call that rings them, and told again for a while.
//!
//! Once is not enough: the store may fail, and a call that was decided on before may save its offer just after nobody was
//! found to ring them. Source: DESIGN.md section 3, "cancels a ringing leg at once".

use std::collections::BTreeMap;
use std::sync::Mutex;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Switchboard, SwitchboardError};
use crate::call::signal::Signal;
use crate::ids::AgentId;
use crate::telemetry::Chain;

/// Calls are told again for so long: longer than any decision takes from its facts to its save.
const TOLD_FOR: TimeDelta = TimeDelta::seconds(5);

/// While the store fails it is tried for so long; by then no phone rings that rang at the beginning.
const TRIED_FOR: TimeDelta = TimeDelta::minutes(2);

/// Who was withdrawn lately by this replica.
#[derive(Debug, Default)]
pub(super) struct Withdrawals(Mutex<BTreeMap<AgentId, DateTime<Utc>>>);

impl Withdrawals {
    fn begin(&self, agent: &AgentId, now: DateTime<Utc>) {
        if let Ok(mut since) = self.0.lock() {
            since.insert(agent.clone(), now);
        }
    }

    /// Who is to be withdrawn again at this instant.
    pub(super) fn due(&self) -> Vec<(AgentId, DateTime<Utc>)> {
        self.0.lock().map_or_else(|_| Vec::new(), |since| since.iter().map(|(who, at)| (who.clone(), *at)).collect())
    }

    fn end(&self, agent: &AgentId) {
        if let Ok(mut since) = self.0.lock() {
            since.remove(agent);
        }
    }
}

impl Switchboard {
    /// An agent must not ring any more: every call that rings them is told, now and for some seconds whenever deadlines are
    /// looked at.
    ///
    /// # Errors
    /// When the store fails; it is tried again all the same.
    pub async fn withdraw_agent(&self, agent: &AgentId) -> Result<(), SwitchboardError> {
        self.withdrawals.begin(agent, self.clock.now());
        self.tell_withdrawn(agent).await
    }

    /// The agent takes calls again.
    pub fn readmit_agent(&self, agent: &AgentId) {
        self.withdrawals.end(agent);
    }

    /// Tells calls again of those who were withdrawn lately.
    pub(super) async fn withdraw_again(&self) {
        let now = self.clock.now();
        for (agent, since) in self.withdrawals.due() {
            let told = self.tell_withdrawn(&agent).await;
            let patience = if told.is_ok() { TOLD_FOR } else { TRIED_FOR };
            if let Err(error) = told {
                tracing::warn!(agent.id = %agent, error = %Chain(&error), "the phone of a withdrawn agent could not be stopped");
            }
            if now - since >= patience {
                self.withdrawals.end(&agent);
            }
        }
    }

    async fn tell_withdrawn(&self, agent: &AgentId) -> Result<(), SwitchboardError> {
        for call in self.store.find_calls_ringing(agent).await? {
            self.take_note(call, &Signal::AgentWithdrawn { agent: agent.clone() }).await?;
        }
        Ok(())
    }
}
