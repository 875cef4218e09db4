//! Whose a conversation is: the agent who took the call.

use super::inbox::{InHand, InboxDesk, Trouble};
use crate::chatwoot::ConversationStatus;
use crate::crash_point;
use crate::ids::AgentId;
use crate::rules::Rules;
use crate::store::InboxLink;

impl InboxDesk {
    /// Gives the conversation to the owner and opens it. An owner whom Chatwoot does not know leaves it open, labelled and
    /// whoever's it was.
    pub(super) async fn assign_owner(&self, hand: &InHand<'_>, link: InboxLink) -> Result<(), Trouble> {
        let owner = hand.call.owner.clone().ok_or(Trouble::NothingToPost)?;
        let user = match self.find_user(&hand.rules, &owner).await {
            Ok(user) => Some(user),
            Err(Trouble::NoUser(_)) => None,
            Err(trouble) => return Err(trouble),
        };
        let conversation = self.chatwoot.load_conversation(link.conversation_id).await?;
        // Each write leaves a line in the conversation: nothing is written that stands there already.
        if let Some(user) = user
            && conversation.assignee_id != Some(user)
        {
            hand.hold.renew().await?;
            self.chatwoot.assign(link.conversation_id, user).await?;
        }
        crash_point!("inbox.after_assignment");
        if conversation.status != ConversationStatus::Open {
            hand.hold.renew().await?;
            self.chatwoot.toggle_status(link.conversation_id, ConversationStatus::Open).await?;
        }
        self.label(hand, link, &[]).await?;
        user.map(drop).ok_or(Trouble::NoUser(owner))
    }

    /// The agent's user. One named by number is looked for too: an id that Chatwoot does not know would leave the
    /// conversation with nobody (contract 4.5).
    pub(super) async fn find_user(&self, rules: &Rules, agent: &AgentId) -> Result<i64, Trouble> {
        let known = rules.find_agent(agent).ok_or_else(|| Trouble::NoUser(agent.clone()))?;
        if known.chatwoot_user_id.is_none() && known.email.is_none() {
            return Err(Trouble::NoUser(agent.clone()));
        }
        let users = self.chatwoot.list_agents().await?;
        let has_email = |theirs: &str| known.email.as_deref().is_some_and(|email| theirs.eq_ignore_ascii_case(email));
        let found = users.iter().find(|user| match known.chatwoot_user_id {
            Some(id) => user.id == id,
            None => user.email.as_deref().is_some_and(has_email),
        });
        found.map(|user| user.id).ok_or_else(|| Trouble::NoUser(agent.clone()))
    }
}
