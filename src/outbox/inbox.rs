//! Effects for Chatwoot: contact, conversation, notes, owner, labels, voicemail. Each looks before it writes.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};
use tokio::sync::Mutex;

use super::{Delivery, phrases};
use crate::call::effect::Effect;
use crate::call::event::{Ending, Event};
use crate::call::state::Call;
use crate::chatwoot::{
    Attachment, ChatwootClient, ChatwootError, ChatwootText, ConversationStatus, NewContact, NewMessage,
};
use crate::crash_point;
use crate::ids::{AgentId, CarrierRef};
use crate::phone_number::Caller;
use crate::rules::{Brand, Rules};
use crate::store::{InboxLink, Leased, Store, StoreError};
use crate::switchboard::rulebook::Rulebook;

/// A write whose result is unknown may still land so long afterwards; before that, looking proves nothing.
pub(super) const LATE_COMMIT: TimeDelta = TimeDelta::seconds(30);

/// The agent bot under whose name notes appear, where there is one.
const BOT_NAME: &str = "Offhook";

/// Carries out effects for Chatwoot.
pub struct InboxDesk {
    pub(super) store: Arc<dyn Store>,
    rulebook: Arc<Rulebook>,
    pub(super) chatwoot: ChatwootClient,
    known: Mutex<Known>,
}

/// What was looked up in Chatwoot and does not change under our hands.
#[derive(Default)]
struct Known {
    labels: HashSet<String>,
    bot: Option<Option<i64>>,
}

/// Why an effect could not be carried out.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error(transparent)]
    Chatwoot(#[from] ChatwootError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the call, its rules or its audio are not there")]
    NothingToPost,
    #[error("Chatwoot has no inbox named {0:?}: create it, or name another in the routing file")]
    NoInbox(String),
    #[error("agent {0} has no Chatwoot user with that e-mail address")]
    NoUser(AgentId),
}

/// One effect in hand: the call and its rules.
pub(super) struct InHand {
    pub(super) call: Call,
    pub(super) rules: Arc<Rules>,
}

impl InHand {
    pub(super) fn brand(&self) -> Result<&Brand, Trouble> {
        self.rules.find_brand(&self.call.brand).ok_or(Trouble::NothingToPost)
    }
}

impl InboxDesk {
    /// Puts the parts together.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, rulebook: Arc<Rulebook>, chatwoot: ChatwootClient) -> Self {
        Self { store, rulebook, chatwoot, known: Mutex::default() }
    }

    pub(super) async fn carry_out(&self, leased: &Leased) -> Delivery {
        match self.try_to(leased).await {
            Ok(()) => Delivery::Done,
            Err(Trouble::Chatwoot(error)) => {
                let after = if error.may_have_happened() {
                    Some(LATE_COMMIT)
                } else {
                    error.retry_after().and_then(|after| TimeDelta::from_std(after).ok())
                };
                Delivery::Failed { why: with_causes(&error), after }
            }
            Err(Trouble::NothingToPost) => Delivery::Hopeless { why: Trouble::NothingToPost.to_string() },
            Err(trouble @ (Trouble::Store(_) | Trouble::NoInbox(_) | Trouble::NoUser(_))) => {
                Delivery::Failed { why: trouble.to_string(), after: None }
            }
        }
    }

    async fn try_to(&self, leased: &Leased) -> Result<(), Trouble> {
        let call = self.store.find_call(leased.call).await?.ok_or(Trouble::NothingToPost)?;
        let rules = self.rulebook.load(call.rules_version).await.ok().flatten().ok_or(Trouble::NothingToPost)?;
        let hand = InHand { call, rules };
        let link = self.link(&hand).await?;
        match &leased.effect {
            Effect::NoteArrival => {
                let words = phrases::on_arrival(&hand.call, hand.brand()?);
                self.post_note(&hand.call, link, words, "arrival").await?;
                crash_point!("inbox.after_note");
                Ok(())
            }
            Effect::AssignOwner => self.assign_owner(&hand, link).await,
            Effect::NoteEnd => {
                let words = phrases::on_end(&hand.call, &hand.rules, self.find_owned_at(&hand.call).await?);
                self.post_note(&hand.call, link, words, "end").await?;
                crash_point!("inbox.after_end");
                // Nobody owned it, so nothing has labelled it yet.
                if hand.call.owner.is_none() { self.label(&hand.call, hand.brand()?, link, &[]).await } else { Ok(()) }
            }
            Effect::NoteMissed => self.post_missed(&hand, link).await,
            Effect::PostVoicemail { recording } => self.post_voicemail(&hand, link, recording).await,
            Effect::NotePaused { agent, until, misses } => self.note_paused(&hand, link, agent, *until, *misses).await,
            Effect::NoteSpared { agent, misses, brand } => {
                self.note_spared(&hand, link, agent, *misses, brand.as_ref()).await
            }
            Effect::NoteText => {
                let Some(text) = &hand.call.text_back else { return Ok(()) };
                self.post_note(&hand.call, link, phrases::on_text(text), "text").await
            }
            Effect::PostTranscript { .. } => {
                let Some(transcript) = &hand.call.voicemail.transcript else { return Ok(()) };
                let words = phrases::on_transcript(transcript);
                self.post_note(&hand.call, link, words, "transcript").await
            }
            Effect::RingAgent { .. }
            | Effect::CancelLeg { .. }
            | Effect::DropLeg { .. }
            | Effect::TellCallerGone { .. }
            | Effect::FetchCaller { .. }
            | Effect::DropCaller
            | Effect::CheckLeg { .. }
            | Effect::CheckCaller { .. }
            | Effect::CheckRoom { .. }
            | Effect::FindRecordings { .. }
            | Effect::FetchRecording { .. }
            | Effect::TextCaller => Ok(()),
        }
    }

    // Contact and conversation.

    /// The call's conversation; found, or made and remembered.
    async fn link(&self, hand: &InHand) -> Result<InboxLink, Trouble> {
        if let Some(link) = self.store.find_inbox_link(hand.call.id).await? {
            return Ok(link);
        }
        let inbox = self.find_inbox(hand.brand()?).await?;
        let source_id = source_id_of(&hand.call);
        let contact_id = self.find_or_create_contact(&hand.call, inbox, &source_id).await?;
        crash_point!("inbox.after_contact");
        let conversation_id = match self.chatwoot.find_open_conversation(inbox, &source_id).await? {
            Some(open) => open.id,
            None => {
                let mut attributes = Map::new();
                attributes.insert("offhook_call_id".to_owned(), json!(hand.call.id.to_string()));
                self.chatwoot.create_conversation(inbox, contact_id, &source_id, &attributes).await?.id
            }
        };
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

    async fn find_or_create_contact(&self, call: &Call, inbox: i64, source_id: &str) -> Result<i64, Trouble> {
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

    // Messages.

    pub(super) async fn post_note(
        &self,
        call: &Call,
        link: InboxLink,
        words: ChatwootText,
        what: &str,
    ) -> Result<(), Trouble> {
        let source_id = message_key(call, what);
        let mut message = NewMessage::note(words, &source_id);
        if let Some(bot) = self.find_bot().await? {
            message = message.as_bot(bot);
        }
        self.post_once(link, message).await
    }

    /// Posts a message unless it is there already.
    async fn post_once(&self, link: InboxLink, message: NewMessage) -> Result<(), Trouble> {
        let there = self.chatwoot.find_message_by_source_id(link.conversation_id, &message.source_id).await?;
        if there.is_none() {
            self.chatwoot.create_message(link.conversation_id, message).await?;
            crash_point!("inbox.after_message");
        }
        Ok(())
    }

    async fn post_missed(&self, hand: &InHand, link: InboxLink) -> Result<(), Trouble> {
        let words = phrases::on_missed(&hand.call, hand.brand()?);
        self.post_once(link, NewMessage::incoming(words, &message_key(&hand.call, "missed"))).await?;
        crash_point!("inbox.after_missed");
        if let Some(words) = phrases::on_nobody(&hand.call, &hand.rules) {
            self.post_note(&hand.call, link, words, "nobody").await?;
        }
        let heard_message = hand.call.ending == Some(Ending::AfterHoursMessage);
        let more: &[&str] = if heard_message { &[] } else { &["missed-call"] };
        self.label(&hand.call, hand.brand()?, link, more).await
    }

    async fn post_voicemail(&self, hand: &InHand, link: InboxLink, recording: &CarrierRef) -> Result<(), Trouble> {
        if let Some(words) = phrases::on_nobody(&hand.call, &hand.rules) {
            self.post_note(&hand.call, link, words, "nobody").await?;
        }
        let audio = self.store.find_recording(recording).await?.ok_or(Trouble::NothingToPost)?;
        let extension = if audio.content_type.contains("mpeg") { "mp3" } else { "wav" };
        let attachment = Attachment {
            file_name: format!("voicemail.{extension}"),
            content_type: audio.content_type,
            bytes: audio.audio,
        };
        let words = phrases::on_voicemail(&hand.call, hand.brand()?);
        let key = message_key(&hand.call, &format!("voicemail:{}", recording.as_str()));
        self.post_once(link, NewMessage::incoming(words, &key).with(attachment)).await?;
        crash_point!("inbox.after_voicemail");
        self.label(&hand.call, hand.brand()?, link, &["voicemail"]).await
    }

    // Owner and labels.

    async fn assign_owner(&self, hand: &InHand, link: InboxLink) -> Result<(), Trouble> {
        let owner = hand.call.owner.clone().ok_or(Trouble::NothingToPost)?;
        let user = self.find_user(&hand.rules, &owner).await?;
        let conversation = self.chatwoot.load_conversation(link.conversation_id).await?;
        // Each write leaves a line in the conversation: nothing is written that stands there already.
        if conversation.assignee_id != Some(user) {
            self.chatwoot.assign(link.conversation_id, user).await?;
        }
        crash_point!("inbox.after_assignment");
        if conversation.status != ConversationStatus::Open {
            self.chatwoot.toggle_status(link.conversation_id, ConversationStatus::Open).await?;
        }
        self.label(&hand.call, hand.brand()?, link, &[]).await
    }

    pub(super) async fn find_user(&self, rules: &Rules, owner: &AgentId) -> Result<i64, Trouble> {
        let agent = rules.find_agent(owner).ok_or_else(|| Trouble::NoUser(owner.clone()))?;
        if let Some(id) = agent.chatwoot_user_id {
            return Ok(id);
        }
        let email = agent.email.as_deref().ok_or_else(|| Trouble::NoUser(owner.clone()))?;
        let users = self.chatwoot.list_agents().await?;
        let found =
            users.iter().find(|user| user.email.as_deref().is_some_and(|known| known.eq_ignore_ascii_case(email)));
        found.map(|user| user.id).ok_or_else(|| Trouble::NoUser(owner.clone()))
    }

    /// Adds the call's labels and attributes; those of others stay.
    async fn label(&self, call: &Call, brand: &Brand, link: InboxLink, more: &[&str]) -> Result<(), Trouble> {
        let brand_label = format!("brand-{}", call.brand);
        let intent_label = call.intent.as_ref().map(|intent| format!("intent-{intent}"));
        let mut titles = vec!["voice", brand_label.as_str()];
        titles.extend(intent_label.as_deref());
        titles.extend_from_slice(more);
        self.register_labels(&titles).await?;
        let present = self.chatwoot.load_labels(link.conversation_id).await?;
        let missing: Vec<&str> =
            titles.into_iter().filter(|title| !present.iter().any(|label| label.eq_ignore_ascii_case(title))).collect();
        if !missing.is_empty() {
            self.chatwoot.add_labels(link.conversation_id, &missing).await?;
            crash_point!("inbox.after_labels");
        }
        let mut attributes: Map<String, Value> = Map::new();
        attributes.insert("offhook_call_id".to_owned(), json!(call.id.to_string()));
        attributes.insert("offhook_brand".to_owned(), json!(brand.name));
        if let Some(ending) = call.ending {
            attributes.insert("offhook_ending".to_owned(), json!(ending.as_str()));
        }
        Ok(self.chatwoot.merge_custom_attributes(link.conversation_id, &attributes).await?)
    }

    /// Chatwoot stores any tag but shows only those it knows as labels.
    async fn register_labels(&self, titles: &[&str]) -> Result<(), Trouble> {
        let mut known = self.known.lock().await;
        if titles.iter().all(|title| known.labels.contains(*title)) {
            return Ok(());
        }
        known.labels = self.chatwoot.list_labels().await?.into_iter().map(|label| label.title).collect();
        for title in titles {
            if !known.labels.contains(*title) {
                match self.chatwoot.create_label(title, "Set by Offhook").await {
                    Ok(()) => {}
                    Err(error) if error.objects_to("title") => {}
                    Err(error) => return Err(error.into()),
                }
                known.labels.insert((*title).to_owned());
            }
        }
        Ok(())
    }

    pub(super) async fn find_bot(&self) -> Result<Option<i64>, Trouble> {
        let mut known = self.known.lock().await;
        if let Some(bot) = known.bot {
            return Ok(bot);
        }
        let bots = self.chatwoot.list_agent_bots().await?;
        let bot = bots.iter().find(|bot| bot.name == BOT_NAME).map(|bot| bot.id);
        known.bot = Some(bot);
        Ok(bot)
    }

    async fn find_owned_at(&self, call: &Call) -> Result<Option<DateTime<Utc>>, Trouble> {
        let history = self.store.load_history(call.id).await?;
        let owned =
            history.iter().find(|entry| entry.events.iter().any(|event| matches!(event, Event::CallOwned { .. })));
        Ok(owned.map(|entry| entry.at))
    }
}

/// Our key of the caller in an inbox: the number, or for a withheld one the call itself. Contract chatwoot.md 3.4.
fn source_id_of(call: &Call) -> String {
    match &call.caller {
        Caller::Known(phone) => phone.as_e164().to_owned(),
        Caller::Withheld | Caller::Other(_) => format!("offhook:{}", call.id),
    }
}

fn message_key(call: &Call, what: &str) -> String {
    format!("offhook:{}:{what}", call.id)
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text.chars().take(500).collect()
}
