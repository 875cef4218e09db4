//! Lint of agents, rosters and supervisors.

use std::collections::{BTreeMap, BTreeSet};

use super::Rules;
use super::lint::{BrandPlace, Code, Findings};
use crate::ids::AgentId;

pub(super) fn look_at_roster(findings: &mut Findings, place: &BrandPlace<'_>) {
    let is_unverified = |id: &AgentId| place.rules.agent(id).is_some_and(|agent| !agent.phone_verified);
    for (index, agent) in place.brand.roster.iter().enumerate().filter(|(_, agent)| is_unverified(agent)) {
        findings.add(
            Code::PhoneUnverified,
            place.at(&format!("roster/{index}")),
            format!("the phone of agent `{agent}` is not verified, so it is never rung"),
        );
    }
}

pub(super) fn look_at_agents(findings: &mut Findings, rules: &Rules) {
    let rostered: BTreeSet<_> = rules.brands.iter().flat_map(|brand| &brand.roster).collect();
    let mut users = BTreeMap::new();
    let mut names = BTreeMap::new();
    for (index, agent) in rules.agents.iter().enumerate() {
        let first = agent.chatwoot_user_id.map(|user| &*users.entry(user).or_insert(&agent.id));
        let namesake = names.entry(agent.name.trim().to_lowercase()).or_insert(&agent.id);
        if let Some(first) = first.filter(|first| **first != &agent.id) {
            findings.add(
                Code::OneAgentTwoPhones,
                format!("/agent/{index}/chatwoot_user_id"),
                format!("agents `{first}` and `{}` are one user of Chatwoot with two phones: one person would be rung twice", agent.id),
            );
        } else if *namesake != &agent.id {
            findings.add(
                Code::SameName,
                format!("/agent/{index}/name"),
                format!(
                    "agents `{namesake}` and `{}` have the same name; are they one person with two phones?",
                    agent.id
                ),
            );
        }
        if !rostered.contains(&agent.id) {
            findings.add(
                Code::OnNoRoster,
                format!("/agent/{index}"),
                format!("agent `{}` is on no roster, so their phone never rings", agent.id),
            );
        }
    }
}

pub(super) fn look_at_supervisors(findings: &mut Findings, rules: &Rules) {
    let mut users = BTreeMap::new();
    for (index, one) in rules.supervisors.iter().enumerate() {
        let first = one.chatwoot_user_id.map(|user| &*users.entry(user).or_insert(&one.id));
        if let Some(first) = first.filter(|first| **first != &one.id) {
            findings.add(
                Code::OneSupervisorTwice,
                format!("/supervisor/{index}/chatwoot_user_id"),
                format!("supervisors `{first}` and `{}` are one user of Chatwoot", one.id),
            );
        }
    }
}
