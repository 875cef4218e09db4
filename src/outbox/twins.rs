//! Messages that stand twice in Chatwoot: looked for once more after a post was repeated, and the younger ones deleted.
//!
//! Chatwoot has no idempotency key. A post without an answer is waited out, looked for, and then repeated; a server that
//! takes the first one later still makes twins of them. Source: RELIABILITY.md Q4, "exactly once after at most ten
//! minutes".

use chrono::TimeDelta;

use super::Delivery;
use super::hold::Hold;
use super::inbox::{InHand, InboxDesk, Trouble};
use crate::call::effect::Effect;
use crate::store::{Leased, NewEffect};

/// Twins are looked for so long after a post was repeated, since most come soon and an agent reads both,
const FIRST_LOOK: TimeDelta = TimeDelta::minutes(2);
/// and for the last time after so long.
const LAST_LOOK: TimeDelta = TimeDelta::minutes(9);
/// Neither of two twins is older than the look before the repeated post; Chatwoot's clock may be behind ours by so much.
const CLOCKS_APART: TimeDelta = TimeDelta::minutes(15);

impl InboxDesk {
    /// Before a message is posted that an earlier try may have posted: saves that its twin is looked for.
    pub(super) async fn expect_twins(&self, hand: &InHand<'_>, source_id: &str) -> Result<(), Trouble> {
        if !hand.is_repeated() {
            return Ok(());
        }
        let now = hand.hold.now();
        let effect = Effect::RemoveTwins { source_id: source_id.to_owned(), attempt: hand.tries_before };
        let lane = effect.lane(&hand.call);
        Ok(self.store.add_effect(hand.call.id, NewEffect { effect, lane, due_at: now + FIRST_LOOK }, now).await?)
    }

    /// Of the messages with this source id the oldest stays. What somebody deleted by hand counts as none: of two, the
    /// other is then the only one left.
    pub(super) async fn remove_twins(
        &self,
        leased: &Leased,
        hold: &Hold,
        source_id: &str,
    ) -> Result<Delivery, Trouble> {
        let Some(link) = self.store.find_inbox_link(leased.call).await? else { return Ok(Delivery::Done) };
        let since = leased.created_at - CLOCKS_APART;
        let shown = match self.chatwoot.list_messages_by_source_id(link.conversation_id, source_id, since).await {
            Ok(found) => found.into_iter().filter(|message| !message.is_deleted()),
            // Gone with its conversation.
            Err(error) if error.is_gone() => return Ok(Delivery::Done),
            Err(error) => return Err(error.into()),
        };
        for twin in shown.skip(1) {
            hold.renew().await?;
            self.chatwoot.delete_message(link.conversation_id, twin.id).await?;
            tracing::warn!(call.id = %leased.call, "Chatwoot took a message late that was posted again; the younger one was deleted");
        }
        let last = leased.created_at + LAST_LOOK;
        Ok(if hold.now() < last { Delivery::Later(last) } else { Delivery::Done })
    }
}
