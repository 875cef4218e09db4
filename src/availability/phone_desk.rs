//! Obeys agents who write about their phone in a private note. Chatwoot names the writer, so the note is as good as a
//! signature. Source: DESIGN.md section 5, "Availability"; contracts/chatwoot.md 6.3.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::directory::Directory;
use super::phone_note::{self, PhoneNote};
use crate::chatwoot::payload::MessageEvent;
use crate::chatwoot::{ChatwootError, MessageKind};
use crate::clock::Clock;
use crate::rules::{Agent, AvailabilitySource, Rules, zone};
use crate::store::{PhoneObeyed, PhoneSwitched, PhoneWord, Store};
use crate::switchboard::Switchboard;
use crate::telemetry::Chain;

/// What our own messages begin their source id with.
const OURS: &str = "offhook:";

/// Obeys notes about phones.
pub struct PhoneDesk {
    store: Arc<dyn Store>,
    switchboard: Arc<Switchboard>,
    clock: Arc<dyn Clock>,
    directory: Arc<Directory>,
}

impl PhoneDesk {
    /// Puts the parts together.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        switchboard: Arc<Switchboard>,
        clock: Arc<dyn Clock>,
        directory: Arc<Directory>,
    ) -> Self {
        Self { store, switchboard, clock, directory }
    }

    /// Obeys a message, if it is a private note of a person about their phone. The answer is saved with what it changes,
    /// and posted by the outbox.
    pub async fn note(&self, message: &MessageEvent) {
        let is_ours = message.source_id.as_deref().is_some_and(|id| id.starts_with(OURS));
        if !message.is_private || message.kind != MessageKind::Outgoing || is_ours {
            return;
        }
        let Some(user) = message.written_by_agent() else { return };
        let Some(note) = phone_note::parse(&message.content) else { return };
        let Ok(Some((_, rules))) = self.switchboard.rulebook().load_current().await else { return };
        let now = self.clock.now();
        let (switch, reply) = match self.understand(&rules, message, user, note, now).await {
            Ok(understood) => understood,
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "who wrote a note about their phone could not be found out");
                return;
            }
        };
        let word =
            PhoneWord { message: message.id, conversation: message.conversation_id, switch, reply, said_at: now };
        if let Err(error) = self.obey(&word).await {
            tracing::warn!(error = %Chain(&*error), "a note about a phone could not be obeyed");
        }
    }

    async fn obey(&self, word: &PhoneWord) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let obeyed = self.store.obey_phone_word(word).await?;
        match (obeyed, &word.switch) {
            (PhoneObeyed::Switched, Some(PhoneSwitched { agent, off_until: Some(_) })) => {
                tracing::info!(agent.id = %agent, "an agent switched their phone off");
                self.switchboard.withdraw_agent(agent).await?;
            }
            (PhoneObeyed::Switched, Some(PhoneSwitched { agent, off_until: None })) => {
                tracing::info!(agent.id = %agent, "an agent switched their phone on");
                self.switchboard.readmit_agent(agent);
                self.switchboard.calls_stirred.notify_one();
            }
            // A later note holds, and was answered: an answer to this one would say what is not so.
            (PhoneObeyed::NotSwitched, Some(_)) => self.store.settle_phone_word(word.message).await?,
            (PhoneObeyed::NotSwitched | PhoneObeyed::Repeated | PhoneObeyed::Switched, _) => {}
        }
        Ok(())
    }

    /// What the note switches, and what is said to it.
    async fn understand(
        &self,
        rules: &Rules,
        message: &MessageEvent,
        user: i64,
        note: PhoneNote,
        now: DateTime<Utc>,
    ) -> Result<(Option<PhoneSwitched>, String), ChatwootError> {
        let Some(agent) = self.directory.find_agent(rules, user, now).await? else {
            return Ok((None, "No phone of yours is rung by Offhook, so there is none to switch.".to_owned()));
        };
        let zone = match agent.time_zone {
            Some(zone) => zone,
            None => {
                let brand = self.directory.find_brand(rules, message.inbox_id, now).await?;
                brand.map_or(Tz::UTC, |brand| brand.time_zone)
            }
        };
        let until = match note {
            PhoneNote::On => Some(None),
            PhoneNote::Off => Some(Some(phone_note::for_good())),
            PhoneNote::OffUntil { minute } => phone_note::next_at(zone, minute, now).map(Some),
            PhoneNote::NotUnderstood => None,
        };
        let Some(off_until) = until else {
            let words = "That is not understood. Write /phone on, /phone off or /phone off until 14:30.";
            return Ok((None, words.to_owned()));
        };
        let switch = PhoneSwitched { agent: agent.id.clone(), off_until };
        Ok((Some(switch), words_for(agent, off_until, zone)))
    }
}

fn words_for(agent: &Agent, off_until: Option<DateTime<Utc>>, zone: Tz) -> String {
    match off_until {
        None => {
            let condition = match agent.availability {
                AvailabilitySource::Follow => " while your status here is online",
                AvailabilitySource::OwnSwitch => "",
            };
            format!("{}, your phone is on: it rings for calls{condition}.", agent.name)
        }
        Some(until) if phone_note::is_for_good(until) => {
            format!("{}, your phone is off. Write /phone on to take calls again.", agent.name)
        }
        Some(until) => {
            let wall = zone::wall(zone, until).unwrap_or_else(|| until.naive_utc());
            let until = format!("{} {}", wall.format("%A %-d %B, %-I:%M %p"), zone::abbreviation(zone, until));
            format!("{}, your phone is off until {until}. Write /phone on to take calls sooner.", agent.name)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_in_vancouver_is_told_the_time_of_its_clocks() {
        let rules = crate::rules::file::parse("routing.toml", include_str!("../../examples/routing.toml")).unwrap();
        let until = Some("2026-11-24T21:30:00Z".parse().unwrap());
        let said = words_for(&rules.agents[0], until, chrono_tz::America::Vancouver);
        assert!(said.contains("off until Tuesday 24 November, 2:30 PM MST. Write"), "{said}");
    }
}
