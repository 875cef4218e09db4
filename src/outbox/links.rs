//! Where a call stands in Chatwoot: its contact and its conversation, found or made.

use serde_json::{Map, json};

use super::inbox::{InHand, InboxDesk, Trouble};
use crate::call::state::Call;
use crate::chatwoot::NewContact;
use crate::crash_point;
use crate::phone_number::Caller;
use crate::rules::Brand;
use crate::store::InboxLink;

impl InboxDesk {
    /// Finds or makes the call's contact and conversation, and remembers them in place of any others.
    pub(super) async fn make_link(&self, hand: &InHand<'_>) -> Result<InboxLink, Trouble> {
        let inbox = self.find_inbox(hand.brand()?).await?;
        let source_id = source_id_of(&hand.call);
        let contact_id = self.find_or_create_contact(hand, inbox, &source_id).await?;
        crash_point!("inbox.after_contact");
        let conversation_id = self.find_or_create_conversation(hand, inbox, contact_id, &source_id).await?;
        crash_point!("inbox.after_conversation");
        let link = InboxLink { contact_id, conversation_id };
        self.store.save_inbox_link(hand.call.id, link).await?;
        crash_point!("inbox.after_link");
        Ok(link)
    }

    async fn find_inbox(&self, brand: &Brand) -> Result<i64, Trouble> {
        if let Some(id) = brand.inbox_id {
            return Ok(id);
        }
        let inboxes = self.chatwoot.list_inboxes().await?;
        let found = inboxes.iter().find(|inbox| inbox.name == brand.inbox && inbox.is_api());
        found.map(|inbox| inbox.id).ok_or_else(|| Trouble::NoInbox(brand.inbox.clone()))
    }

    async fn find_or_create_conversation(
        &self,
        hand: &InHand<'_>,
        inbox: i64,
        contact: i64,
        source_id: &str,
    ) -> Result<i64, Trouble> {
        if let Some(open) = self.chatwoot.find_open_conversation(inbox, source_id).await? {
            return Ok(open.id);
        }
        let call_id = hand.call.id.to_string();
        // One that an earlier try made need not be open: a blocked contact's begins resolved (contract 4.1).
        if hand.is_repeated()
            && let Some(made) = self.chatwoot.find_conversation_by_call(contact, &call_id).await?
            && made.inbox_id == inbox
        {
            return Ok(made.id);
        }
        let mut attributes = Map::new();
        attributes.insert("offhook_call_id".to_owned(), json!(call_id));
        hand.hold.renew().await?;
        Ok(self.chatwoot.create_conversation(inbox, contact, source_id, &attributes).await?.id)
    }

    async fn find_or_create_contact(&self, hand: &InHand<'_>, inbox: i64, source_id: &str) -> Result<i64, Trouble> {
        let call = &hand.call;
        if let Some(contact) = self.chatwoot.find_contact_by_source(inbox, source_id).await? {
            return Ok(contact.id);
        }
        let phone = match &call.caller {
            Caller::Known(phone) => Some(phone.as_e164().to_owned()),
            Caller::Withheld | Caller::Other(_) => None,
        };
        if let Some(phone) = &phone
            && let Some(contact) = self.chatwoot.find_contact_by_phone(phone).await?
        {
            hand.hold.renew().await?;
            self.chatwoot.place_contact_in_inbox(contact.id, inbox, source_id).await?;
            return Ok(contact.id);
        }
        let fallback_name = phone.clone().unwrap_or_else(|| "Withheld number".to_owned());
        let new = NewContact {
            inbox_id: inbox,
            source_id: source_id.to_owned(),
            identifier: phone.is_none().then(|| source_id.to_owned()),
            name: call.caller_name.clone().unwrap_or(fallback_name),
            phone: phone.clone(),
        };
        hand.hold.renew().await?;
        match self.chatwoot.create_contact(&new).await {
            Ok(contact) => {
                // A robot that called is no acquaintance: floods are told apart by this.
                self.store.note_made_contact(contact.id, call.arrived_at).await?;
                Ok(contact.id)
            }
            // Somebody else made it in between.
            Err(error) if error.objects_to("phone_number") || error.objects_to("identifier") => {
                let again = match &phone {
                    Some(phone) => self.chatwoot.find_contact_by_phone(phone).await?,
                    None => self.chatwoot.find_contact_by_source(inbox, source_id).await?,
                };
                let contact = again.ok_or(error)?;
                self.chatwoot.place_contact_in_inbox(contact.id, inbox, source_id).await?;
                Ok(contact.id)
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Our key of the caller in an inbox: the number, or for a withheld one the call itself. Contract chatwoot.md 3.4.
fn source_id_of(call: &Call) -> String {
    match &call.caller {
        Caller::Known(phone) => phone.as_e164().to_owned(),
        Caller::Withheld | Caller::Other(_) => format!("offhook:{}", call.id),
    }
}
