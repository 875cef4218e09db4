//! Effects for Chatwoot: contact, conversation, notes, owner, labels, voicemail. Each looks before it writes.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::hold::Hold;
use super::refusals::Refusals;
use super::{Delivery, phrases};
use crate::call::effect::Effect;
use crate::call::event::{Ending, Event};
use crate::call::state::Call;
use crate::chatwoot::{Attachment, ChatwootClient, ChatwootError, ChatwootText, NewMessage, Standing};
use crate::crash_point;
use crate::ids::{AgentId, CarrierRef};
use crate::rules::{Brand, Rules};
use crate::store::{InboxLink, LATE_COMMIT, Leased, Store, StoreError};
use crate::switchboard::rulebook::Rulebook;
use crate::telemetry::Chain;

/// Longest time one delivery takes. A slow Chatwoot needs a minute or two for a first call, half an hour to be looked
/// through by the page; what was done by then is found there the next time.
const DELIVERED_WITHIN: Duration = Duration::from_secs(900);

/// A label or bot that somebody deletes in Chatwoot is missed so much later at most.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(600);

/// What a proxy says to a body that is too large for it. Source: RFC 9110, 15.5.14.
const TOO_LARGE: u16 = 413;

/// The agent bot under whose name notes appear, where there is one.
const BOT_NAME: &str = "Offhook";

/// Carries out effects for Chatwoot.
pub struct InboxDesk {
    pub(super) store: Arc<dyn Store>,
    rulebook: Arc<Rulebook>,
    pub(super) chatwoot: ChatwootClient,
    known: Mutex<Known>,
    refusals: Refusals,
}

/// What was looked up in Chatwoot and seldom changes under our hands.
#[derive(Default)]
struct Known {
    labels: Option<Seen<HashSet<String>>>,
    bot: Option<Seen<Option<i64>>>,
}

/// Something seen in Chatwoot, and when.
struct Seen<T> {
    what: T,
    at: Instant,
}

impl<T> Seen<T> {
    fn now(what: T) -> Self {
        Self { what, at: Instant::now() }
    }

    fn is_fresh(&self) -> bool {
        self.at.elapsed() < LOOK_AGAIN_AFTER
    }
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
    #[error("Chatwoot has no user with the number or e-mail address of agent {0}: mend it in the rules or in Chatwoot")]
    NoUser(AgentId),
}

/// One effect in hand: the call, its rules, and the hold on it.
pub(super) struct InHand<'h> {
    pub(super) call: Call,
    pub(super) rules: Arc<Rules>,
    pub(super) hold: &'h Hold,
    /// How often somebody tried before, who may have done some of it.
    pub(super) tries_before: u32,
}

impl InHand<'_> {
    pub(super) fn is_repeated(&self) -> bool {
        self.tries_before > 0
    }

    pub(super) fn brand(&self) -> Result<&Brand, Trouble> {
        self.rules.find_brand(&self.call.brand).ok_or(Trouble::NothingToPost)
    }
}

impl InboxDesk {
    /// Puts the parts together.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, rulebook: Arc<Rulebook>, chatwoot: ChatwootClient) -> Self {
        Self { store, rulebook, chatwoot, known: Mutex::default(), refusals: Refusals::default() }
    }

    pub(super) async fn carry_out(&self, leased: &Leased, hold: &Hold) -> Delivery {
        match tokio::time::timeout(DELIVERED_WITHIN, self.try_to(leased, hold)).await {
            Ok(Ok(delivery)) => {
                self.refusals.forget(leased.id);
                delivery
            }
            Ok(Err(trouble)) => self.judge(trouble, leased, hold).await,
            Err(_) => Delivery::Failed { why: "it took too long".to_owned(), after: Some(LATE_COMMIT) },
        }
    }

    /// What became of an effect that met this.
    async fn judge(&self, trouble: Trouble, leased: &Leased, hold: &Hold) -> Delivery {
        let why = with_causes(&trouble);
        match trouble {
            Trouble::NothingToPost => Delivery::Hopeless { why },
            Trouble::NoUser(_) => self.refusals.note(leased.id, why, hold.now()),
            Trouble::Chatwoot(error) if self.is_final(&error).await => self.refusals.note(leased.id, why, hold.now()),
            Trouble::Chatwoot(error) => {
                self.refusals.forget(leased.id);
                let after = if error.may_have_happened() {
                    Some(LATE_COMMIT)
                } else {
                    error.retry_after().and_then(|after| TimeDelta::from_std(after).ok())
                };
                Delivery::Failed { why, after }
            }
            // Nothing of this brand can be posted until somebody mends it, so nothing is held up.
            Trouble::Store(_) | Trouble::NoInbox(_) => Delivery::Failed { why, after: None },
        }
    }

    /// Whether Chatwoot will say the same again whatever happens elsewhere.
    async fn is_final(&self, error: &ChatwootError) -> bool {
        match error {
            // A permission that is missing for this one thing; a token that is gone is the operator's to mend, and all
            // waits for that. Contract chatwoot.md 1.6.
            ChatwootError::Unauthorised { .. } => {
                matches!(self.chatwoot.find_standing().await, Ok(Standing::Administrator))
            }
            // What was gone was made anew before, so this is the inbox itself: as when there is none of that name.
            ChatwootError::NotFound { .. } => false,
            _ => !error.is_transient(),
        }
    }

    async fn try_to(&self, leased: &Leased, hold: &Hold) -> Result<Delivery, Trouble> {
        if let Effect::RemoveTwins { source_id, .. } = &leased.effect {
            return self.remove_twins(leased, hold, source_id).await;
        }
        self.bring_in(leased, hold).await?;
        Ok(Delivery::Done)
    }

    async fn bring_in(&self, leased: &Leased, hold: &Hold) -> Result<(), Trouble> {
        let call = self.store.find_call(leased.call).await?.ok_or(Trouble::NothingToPost)?;
        let rules = self.rulebook.load(call.rules_version).await.ok().flatten().ok_or(Trouble::NothingToPost)?;
        let hand = InHand { call, rules, hold, tries_before: leased.attempts.saturating_add(leased.broken_off) };
        if let Some(link) = self.store.find_inbox_link(hand.call.id).await? {
            match self.write_down(leased, &hand, link).await {
                Err(Trouble::Chatwoot(error)) if error.is_gone() => {
                    // Deleted, or merged away. Contract chatwoot.md 11.6: 404 leads to finding it afresh.
                    tracing::warn!(call.id = %hand.call.id, error = %Chain(&error), "a call's conversation is gone; another is found or made");
                }
                written => return written,
            }
        }
        let link = self.make_link(&hand).await?;
        self.write_down(leased, &hand, link).await
    }

    /// Writes into the call's conversation what the effect asks for.
    async fn write_down(&self, leased: &Leased, hand: &InHand<'_>, link: InboxLink) -> Result<(), Trouble> {
        match &leased.effect {
            Effect::NoteArrival => {
                let words = phrases::on_arrival(&hand.call, hand.brand()?);
                self.post_note(hand, link, words, "arrival").await?;
                crash_point!("inbox.after_note");
                Ok(())
            }
            Effect::AssignOwner => self.assign_owner(hand, link).await,
            Effect::NoteEnd => {
                let words = phrases::on_end(&hand.call, &hand.rules, self.find_owned_at(&hand.call).await?);
                self.post_note(hand, link, words, "end").await?;
                crash_point!("inbox.after_end");
                // Nobody owned it, so nothing has labelled it yet.
                if hand.call.owner.is_none() { self.label(hand, link, &[]).await } else { Ok(()) }
            }
            Effect::NoteMissed => self.post_missed(hand, link).await,
            Effect::PostVoicemail { recording } => self.post_voicemail(hand, link, recording).await,
            Effect::NotePaused { agent, until, misses } => self.note_paused(hand, link, agent, *until, *misses).await,
            Effect::NoteSpared { agent, misses, brand } => {
                self.note_spared(hand, link, agent, *misses, brand.as_ref()).await
            }
            Effect::NoteText => {
                let Some(text) = &hand.call.text_back else { return Ok(()) };
                self.post_note(hand, link, phrases::on_text(text), "text").await
            }
            Effect::PostTranscript { .. } => {
                let Some(transcript) = &hand.call.voicemail.transcript else { return Ok(()) };
                let words = phrases::on_transcript(transcript);
                self.post_note(hand, link, words, "transcript").await
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
            | Effect::TextCaller
            | Effect::RemoveTwins { .. } => Ok(()),
        }
    }

    // Messages.

    pub(super) async fn post_note(
        &self,
        hand: &InHand<'_>,
        link: InboxLink,
        words: ChatwootText,
        what: &str,
    ) -> Result<(), Trouble> {
        let source_id = message_key(&hand.call, what);
        let mut message = NewMessage::note(words, &source_id);
        if let Some(bot) = self.find_bot().await? {
            message = message.as_bot(bot);
        }
        self.post_once(hand, link, message).await
    }

    /// Posts a message unless it is there already.
    async fn post_once(&self, hand: &InHand<'_>, link: InboxLink, message: NewMessage) -> Result<(), Trouble> {
        let there = self.chatwoot.find_message_by_source_id(link.conversation_id, &message.source_id).await?;
        if there.is_none() {
            hand.hold.renew().await?;
            self.expect_twins(hand, &message.source_id).await?;
            self.chatwoot.create_message(link.conversation_id, message).await?;
            crash_point!("inbox.after_message");
        }
        Ok(())
    }

    async fn post_missed(&self, hand: &InHand<'_>, link: InboxLink) -> Result<(), Trouble> {
        let words = phrases::on_missed(&hand.call, hand.brand()?);
        self.post_once(hand, link, NewMessage::incoming(words, &message_key(&hand.call, "missed"))).await?;
        crash_point!("inbox.after_missed");
        if let Some(words) = phrases::on_nobody(&hand.call, &hand.rules) {
            self.post_note(hand, link, words, "nobody").await?;
        }
        let heard_message = hand.call.ending == Some(Ending::AfterHoursMessage);
        let more: &[&str] = if heard_message { &[] } else { &["missed-call"] };
        self.label(hand, link, more).await
    }

    async fn post_voicemail(&self, hand: &InHand<'_>, link: InboxLink, recording: &CarrierRef) -> Result<(), Trouble> {
        if let Some(words) = phrases::on_nobody(&hand.call, &hand.rules) {
            self.post_note(hand, link, words, "nobody").await?;
        }
        let audio = self.store.find_recording(recording).await?.ok_or(Trouble::NothingToPost)?;
        let extension = if audio.content_type.contains("mpeg") { "mp3" } else { "wav" };
        let attachment = Attachment {
            file_name: format!("voicemail.{extension}"),
            content_type: audio.content_type,
            bytes: audio.audio,
        };
        let brand = hand.brand()?;
        let words = |has_audio| phrases::on_voicemail(&hand.call, brand, has_audio);
        let key = message_key(&hand.call, &format!("voicemail:{}", recording.as_str()));
        let whole = NewMessage::incoming(words(true), &key).with(attachment);
        match self.post_once(hand, link, whole).await {
            // A proxy before Chatwoot takes no file of this size (contract 5.4): that there is a message is what counts.
            Err(Trouble::Chatwoot(ChatwootError::Refused { status: TOO_LARGE, .. })) => {
                tracing::warn!(call.id = %hand.call.id, "a voicemail is too large for Chatwoot and is told without its audio");
                self.post_once(hand, link, NewMessage::incoming(words(false), &key)).await?;
            }
            posted => posted?,
        }
        crash_point!("inbox.after_voicemail");
        self.label(hand, link, &["voicemail"]).await
    }

    // Labels.

    /// Adds the call's labels and attributes; those of others stay.
    pub(super) async fn label(&self, hand: &InHand<'_>, link: InboxLink, more: &[&str]) -> Result<(), Trouble> {
        let (call, brand) = (&hand.call, hand.brand()?);
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
            hand.hold.renew().await?;
            self.chatwoot.add_labels(link.conversation_id, &missing).await?;
            crash_point!("inbox.after_labels");
        }
        let mut attributes: Map<String, Value> = Map::new();
        attributes.insert("offhook_call_id".to_owned(), json!(call.id.to_string()));
        attributes.insert("offhook_brand".to_owned(), json!(brand.name));
        if let Some(ending) = call.ending {
            attributes.insert("offhook_ending".to_owned(), json!(ending.as_str()));
        }
        hand.hold.renew().await?;
        Ok(self.chatwoot.merge_custom_attributes(link.conversation_id, &attributes).await?)
    }

    /// Chatwoot stores any tag but shows only those it knows as labels.
    async fn register_labels(&self, titles: &[&str]) -> Result<(), Trouble> {
        let are_known = |labels: &HashSet<String>| titles.iter().all(|title| labels.contains(*title));
        if self.known.lock().await.labels.as_ref().is_some_and(|seen| seen.is_fresh() && are_known(&seen.what)) {
            return Ok(());
        }
        // Unlocked: whoever else needs a label asks for itself, and waits for no slow answer of ours.
        let mut labels: HashSet<String> =
            self.chatwoot.list_labels().await?.into_iter().map(|label| label.title).collect();
        for title in titles {
            if !labels.contains(*title) {
                match self.chatwoot.create_label(title, "Set by Offhook").await {
                    Ok(()) => {}
                    Err(error) if error.objects_to("title") => {}
                    Err(error) => return Err(error.into()),
                }
                labels.insert((*title).to_owned());
            }
        }
        self.known.lock().await.labels = Some(Seen::now(labels));
        Ok(())
    }

    pub(super) async fn find_bot(&self) -> Result<Option<i64>, Trouble> {
        if let Some(seen) = self.known.lock().await.bot.as_ref().filter(|seen| seen.is_fresh()) {
            return Ok(seen.what);
        }
        let bots = self.chatwoot.list_agent_bots().await?;
        let bot = bots.iter().find(|bot| bot.name == BOT_NAME).map(|bot| bot.id);
        self.known.lock().await.bot = Some(Seen::now(bot));
        Ok(bot)
    }

    async fn find_owned_at(&self, call: &Call) -> Result<Option<DateTime<Utc>>, Trouble> {
        let history = self.store.load_history(call.id).await?;
        let owned =
            history.iter().find(|entry| entry.events.iter().any(|event| matches!(event, Event::CallOwned { .. })));
        Ok(owned.map(|entry| entry.at))
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
