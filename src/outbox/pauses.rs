//! Tells agents that the system put them aside, and supervisors that it would have and did not. Chatwoot has no place to
//! tell a person something but a note that names them: it stands in the conversation of the call they missed.

use chrono::{DateTime, Utc};

use super::inbox::{InHand, InboxDesk, Trouble};
use super::phrases;
use crate::ids::{AgentId, BrandId};
use crate::store::InboxLink;

impl InboxDesk {
    pub(super) async fn note_paused(
        &self,
        hand: &InHand<'_>,
        link: InboxLink,
        agent: &AgentId,
        until: DateTime<Utc>,
        misses: u32,
    ) -> Result<(), Trouble> {
        let user = match self.find_user(&hand.rules, agent).await {
            Ok(user) => Some(user),
            // Colleagues read it all the same.
            Err(Trouble::NoUser(_)) => None,
            Err(trouble) => return Err(trouble),
        };
        let name = phrases::name_of(&hand.rules, agent);
        let zone = hand.rules.find_agent(agent).and_then(|agent| agent.time_zone).unwrap_or(hand.brand()?.time_zone);
        let words = phrases::on_pause(user, &name, misses, &phrases::local_time(until, zone));
        self.post_note(hand, link, words, &format!("paused:{agent}")).await
    }

    pub(super) async fn note_spared(
        &self,
        hand: &InHand<'_>,
        link: InboxLink,
        agent: &AgentId,
        misses: u32,
        needed_by: Option<&BrandId>,
    ) -> Result<(), Trouble> {
        // The brand whose last agent it is, which may be another than the caller dialled.
        let brand = match needed_by.and_then(|brand| hand.rules.brand(brand)) {
            Some(other) => other,
            None => hand.brand()?,
        };
        let supervisors = hand.rules.supervisors.iter();
        let theirs = supervisors.filter(|one| one.brands.is_empty() || one.brands.contains(&brand.id));
        let named: Vec<(i64, &str)> =
            theirs.filter_map(|one| Some((one.chatwoot_user_id?, one.name.as_str()))).collect();
        let words = phrases::on_spared(&named, &phrases::name_of(&hand.rules, agent), misses, brand);
        self.post_note(hand, link, words, &format!("spared:{agent}")).await
    }
}
