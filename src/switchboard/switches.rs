//! Switches of a brand, turned by somebody at a screen: overrides and declared floods.
//!
//! The row is what counts; callers who already wait are told of an override when that was asked for. Source: DESIGN.md
//! section 8, THREATS.md T-04 and T-40.

use super::{Switchboard, SwitchboardError, WAITING_CALLS_MAX};
use crate::call::signal::Signal;
use crate::call::switch::{NewSwitch, SwitchKind, SwitchedBy};
use crate::ids::BrandId;
use crate::store::BrandSwitch;
use crate::telemetry::Chain;

impl Switchboard {
    /// Turns a switch on in place of one that is on. The form of what is asked for is the asker's to check.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn begin_switch(&self, new: &NewSwitch) -> Result<BrandSwitch, SwitchboardError> {
        let begun = self.store.begin_switch(new, self.clock.now()).await?;
        let kind = new.kind.as_str();
        metrics::counter!("offhook_switches_total", "kind" => kind, "how" => new.how.as_str()).increment(1);
        tracing::warn!(brand = %new.brand, kind, by = %new.by, until = %new.until, "a switch was turned on");
        if new.kind == SwitchKind::Override && new.include_waiting {
            self.send_waiting_to_line(&new.brand).await?;
        }
        Ok(begun)
    }

    /// Turns a switch off; none if it was off.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn end_switch(
        &self,
        brand: &BrandId,
        kind: SwitchKind,
        by: &SwitchedBy,
    ) -> Result<Option<BrandSwitch>, SwitchboardError> {
        let ended = self.store.end_switch(brand, kind, by, self.clock.now()).await?;
        if ended.is_some() {
            tracing::warn!(brand = %brand, kind = kind.as_str(), by = %by, "a switch was turned off");
        }
        Ok(ended)
    }

    /// Tells every waiting call of the brand; how many. One that cannot be told goes on waiting for an agent.
    async fn send_waiting_to_line(&self, brand: &BrandId) -> Result<u32, SwitchboardError> {
        let mut told = 0;
        for id in self.store.find_waiting_calls(WAITING_CALLS_MAX).await? {
            let is_theirs = self.store.find_call(id).await?.is_some_and(|call| call.brand == *brand);
            if !is_theirs {
                continue;
            }
            match self.take_note(id, &Signal::Overridden).await {
                Ok(_) => told += 1,
                Err(error) => {
                    tracing::warn!(call.id = %id, error = %Chain(&error), "a waiting call could not be sent to the operator line");
                }
            }
        }
        Ok(told)
    }
}
