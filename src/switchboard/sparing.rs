//! Nobody is put aside for missing calls whom another brand needs. Source: DESIGN.md section 3.

use chrono::{DateTime, Utc};

use super::{Switchboard, SwitchboardError};
use crate::call::signal::Signal;
use crate::call::state::Call;
use crate::call::{Decision, Facts, Needed, decide};
use crate::ids::AgentId;
use crate::rules::Rules;
use crate::shortlist::{AVAILABLE_MIN, find_staying_at, others_of};
use crate::store::StoreError;

/// What other brands say to pauses: of whom they need, and on whom they rely for each of the others.
#[derive(Debug, Default)]
struct OtherBrands {
    needed: Vec<Needed>,
    staying: Vec<(AgentId, Vec<AgentId>)>,
}

impl Switchboard {
    /// Decides, and puts nobody aside whom another brand needs. Whoever is put aside instead may be needed too; each round
    /// names somebody new, since a needed agent is not put aside again, so there are no more rounds than members.
    pub(super) async fn decide_sparing(
        &self,
        call: &Call,
        rules: &Rules,
        facts: &Facts<'_>,
        signal: &Signal,
    ) -> Result<Decision, SwitchboardError> {
        let current = facts.in_force.map_or(rules, |now| now.rules);
        let mut decision = decide(call.clone(), rules, facts, signal);
        let mut needed: Vec<Needed> = Vec::new();
        for _ in 0..=facts.loaded.agents.len() {
            let others = self.ask_other_brands(current, &decision, facts.at).await?;
            if others.needed.is_empty() {
                for (agent, staying) in others.staying {
                    decision.rely_on(&agent, &staying);
                }
                return Ok(decision);
            }
            needed.extend(others.needed);
            decision = decide(call.clone(), rules, &Facts { needed: &needed, ..facts.clone() }, signal);
        }
        Err(SwitchboardError::Contended)
    }

    /// What the other brands of those whom a decision puts aside say to it, one after the other as they were put aside: a
    /// brand of three gives up the first of them. Source: DESIGN.md section 3.
    async fn ask_other_brands(
        &self,
        rules: &Rules,
        decision: &Decision,
        now: DateTime<Utc>,
    ) -> Result<OtherBrands, StoreError> {
        let mut others = OtherBrands::default();
        let mut aside: Vec<&AgentId> = Vec::new();
        'agents: for agent in decision.put_aside() {
            for brand in others_of(rules, &decision.call.brand, agent) {
                let facts = self.store.load_facts(&brand.id, &brand.roster, now).await?.agents;
                let staying = find_staying_at(rules, &self.destinations, brand, &facts, agent, &aside, now);
                if staying.len() < AVAILABLE_MIN {
                    others.needed.push(Needed { agent: agent.clone(), brand: brand.id.clone() });
                    continue 'agents;
                }
                others.staying.push((agent.clone(), staying));
            }
            aside.push(agent);
        }
        Ok(others)
    }
}
