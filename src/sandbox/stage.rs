//! Both stand-ins as the demo page sees them: the [`Stage`] of [`super::page`].

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::watch;

use super::chatwoot::ChatwootStandIn;
use super::page::{Brand, Parts, PhoneAction, Reply, Stage, SwitchesChange};
use super::twilio::{self, TwilioStandIn};
use crate::rules::Rules;

/// The stage over both stand-ins. It keeps nothing of its own that changes.
#[derive(Clone)]
pub struct StandIns {
    /// The carrier.
    pub twilio: TwilioStandIn,
    /// Chatwoot.
    pub chatwoot: ChatwootStandIn,
    /// Whom the page offers to call, in this order.
    pub brands: Vec<Brand>,
    /// Where the panel of the service is, shown in the tab "Phone".
    pub panel_url: String,
}

impl StandIns {
    /// Both, with every brand of the rules that has a number to dial.
    #[must_use]
    pub fn new(twilio: TwilioStandIn, chatwoot: ChatwootStandIn, rules: &Rules, panel_url: String) -> Self {
        let brands = rules.brands.iter().filter_map(|brand| {
            let number = rules.number_of(&brand.id)?;
            Some(Brand { brand: brand.id.to_string(), name: brand.name.clone(), number: number.as_e164().to_owned() })
        });
        Self { twilio, chatwoot, brands: brands.collect(), panel_url }
    }

    /// As [`super::page::serve`] takes it.
    #[must_use]
    pub fn into_stage(self) -> Arc<dyn Stage> {
        Arc::new(self)
    }
}

#[async_trait]
impl Stage for StandIns {
    async fn state(&self) -> Parts {
        Parts {
            now: self.twilio.now(),
            panel_url: self.panel_url.clone(),
            brands: self.brands.clone(),
            phones: self.twilio.phones_state(),
            inbox: self.chatwoot.inbox_state(),
            twilio_switches: self.twilio.switches_state(),
            chatwoot_switches: self.chatwoot.switches_state(),
        }
    }

    async fn act(&self, number: &str, action: PhoneAction) -> Result<(), String> {
        let action = match action {
            PhoneAction::Dial(to) => twilio::PhoneAction::Dial { to },
            PhoneAction::Answer => twilio::PhoneAction::Answer,
            PhoneAction::Decline => twilio::PhoneAction::Decline,
            PhoneAction::Voicemail => twilio::PhoneAction::Voicemail,
            PhoneAction::HangUp => twilio::PhoneAction::HangUp,
            PhoneAction::Keys(keys) => twilio::PhoneAction::Keys(keys),
            PhoneAction::Speak(text) => twilio::PhoneAction::Speak(text),
        };
        self.twilio.act(number, action).await
    }

    async fn set_switches(&self, change: SwitchesChange) -> Result<(), String> {
        if let Some(part) = change.twilio {
            self.twilio.set_switches(&part)?;
        }
        if let Some(part) = change.chatwoot {
            self.chatwoot.set_switches(part)?;
        }
        Ok(())
    }

    async fn set_availability(&self, agent_id: i64, availability: &str) -> Result<(), String> {
        self.chatwoot.set_availability(agent_id, availability)
    }

    async fn reply(&self, conversation: i64, reply: Reply) -> Result<(), String> {
        self.chatwoot.reply(conversation, reply.agent_id, &reply.content, reply.private)
    }

    fn subscribe(&self) -> Vec<watch::Receiver<u64>> {
        vec![self.twilio.subscribe(), self.chatwoot.subscribe()]
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sandbox::twilio::{Behaviour, Options, PhoneKind};

    #[actix_web::test]
    async fn what_happens_at_either_stand_in_is_in_the_state() {
        let brand = "+15550100002";
        let carrier =
            TwilioStandIn::start(Options { numbers: vec![brand.to_owned()], ..Options::default() }).await.unwrap();
        carrier.add_phone("+15550100001", "Dana Whitfield", PhoneKind::Customer, Behaviour::Manual);
        let chatwoot = ChatwootStandIn::start(crate::sandbox::chatwoot::Options::default()).await.unwrap();
        let stage = StandIns {
            twilio: carrier.clone(),
            chatwoot: chatwoot.clone(),
            brands: Vec::new(),
            panel_url: String::new(),
        }
        .into_stage();

        let agent = stage.state().await.inbox["agents"][0]["id"].as_i64().unwrap();
        let mut changes = stage.subscribe();
        for receiver in &mut changes {
            receiver.mark_unchanged();
        }
        chatwoot.enter_browser(agent);
        stage.set_availability(agent, "busy").await.unwrap();
        assert!(changes[1].has_changed().unwrap());
        assert_eq!(stage.state().await.inbox["agents"][0]["availability"], "busy");

        assert_eq!(stage.act("+15550100001", PhoneAction::Answer).await.unwrap_err(), "it is not ringing");
        let change =
            SwitchesChange { twilio: Some(json!({ "rest": "slow" })), chatwoot: Some(json!({ "state": "down" })) };
        stage.set_switches(change).await.unwrap();
        let state = stage.state().await;
        assert_eq!(
            (&state.twilio_switches["rest"], &state.chatwoot_switches["state"]),
            (&json!("slow"), &json!("down"))
        );
        assert!(changes[0].has_changed().unwrap());
        carrier.stop().await;
        chatwoot.stop().await;
    }
}
