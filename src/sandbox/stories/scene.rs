//! The stage of a story: actors with the verbs of people, and the judge, who looks at the stand-ins alone.

use std::fmt::Write;
use std::future::Future;
use std::pin::Pin;

use anyhow::{Context, ensure};
use chrono::{DateTime, TimeDelta, Utc};

use crate::sandbox::chatwoot::{ConversationView, MessageView};
use crate::sandbox::exchange::{CUSTOMERS, Exchange, ExchangeOptions};
use crate::sandbox::twilio::{Behaviour, PhoneAction, What};

/// What a story's function gives back.
pub type Played<'a> = Pin<Box<dyn Future<Output = anyhow::Result<()>> + 'a>>;

/// The number of the example's first brand.
pub const ACME: &str = "+15550100002";
/// The first customer's phone.
pub const JANE: &str = CUSTOMERS[0].0;
/// The second customer's phone.
pub const OMAR: &str = CUSTOMERS[1].0;
/// The third customer's phone.
pub const RUTH: &str = CUSTOMERS[2].0;
/// The agents' phones.
pub const SAM: &str = "+15550100011";
/// Priya's phone.
pub const PRIYA: &str = "+15550100012";
/// Every agent's phone of the first brand.
pub const AGENTS: [&str; 5] = [SAM, PRIYA, "+15550100013", "+15550100014", "+15550100015"];

/// An exchange with actors on it.
pub struct Scene {
    /// Everything behind the scene.
    pub exchange: Exchange,
    began_at: DateTime<Utc>,
}

impl Scene {
    /// Sets the scene.
    ///
    /// # Errors
    /// When the exchange cannot be started.
    pub async fn start(options: ExchangeOptions) -> anyhow::Result<Self> {
        let exchange = Exchange::start(options).await?;
        let began_at = exchange.now();
        Ok(Self { exchange, began_at })
    }

    /// Ends everything.
    pub async fn stop(self) {
        self.exchange.stop().await;
    }

    /// Lets time pass.
    ///
    /// # Errors
    /// When the service fails.
    pub async fn wait(&self, seconds: f64) -> anyhow::Result<()> {
        let span = std::time::Duration::from_secs_f64(seconds);
        self.exchange.advance(TimeDelta::from_std(span)?).await
    }

    /// Waits until `until` holds, at most `seconds`.
    ///
    /// # Errors
    /// When it does not come to hold.
    pub async fn wait_for(&self, what: &str, seconds: u32, until: impl Fn(&Self) -> bool) -> anyhow::Result<()> {
        for _ in 0..seconds.saturating_mul(4) {
            if until(self) {
                return Ok(());
            }
            self.wait(0.25).await?;
        }
        ensure!(until(self), "{what} did not happen within {seconds} s");
        Ok(())
    }

    /// Somebody does something with a phone.
    ///
    /// # Errors
    /// When it makes no sense now.
    pub async fn act(&self, phone: &str, action: PhoneAction) -> anyhow::Result<()> {
        let told = format!("{} cannot {action:?}", self.name_of(phone));
        self.exchange.twilio.act(phone, action).await.map_err(anyhow::Error::msg).context(told)?;
        self.exchange.settle().await
    }

    /// A customer dials the first brand.
    ///
    /// # Errors
    /// When the phone is in use.
    pub async fn dial(&self, customer: &str) -> anyhow::Result<()> {
        self.act(customer, PhoneAction::Dial { to: ACME.to_owned() }).await
    }

    /// An agent picks up and hears the prompt to its end.
    ///
    /// # Errors
    /// When the phone does not ring.
    pub async fn answer(&self, agent: &str) -> anyhow::Result<()> {
        self.act(agent, PhoneAction::Answer).await?;
        self.wait(1.0).await
    }

    /// Somebody presses a key.
    ///
    /// # Errors
    /// When the phone is in no call.
    pub async fn press(&self, phone: &str, keys: &str) -> anyhow::Result<()> {
        self.act(phone, PhoneAction::Keys(keys.to_owned())).await
    }

    /// What a phone does by itself from now on.
    pub fn behave(&self, phone: &str, behaviour: Behaviour) {
        self.exchange.twilio.set_behaviour(phone, behaviour);
    }

    /// Whether the phone rings now.
    #[must_use]
    pub fn is_ringing(&self, phone: &str) -> bool {
        self.exchange.twilio.rings(phone).iter().any(|ring| ring.until.is_none())
    }

    /// How often the phone rang so far.
    #[must_use]
    pub fn rings(&self, phone: &str) -> usize {
        self.exchange.twilio.rings(phone).len()
    }

    /// Whether these two talk with each other now.
    #[must_use]
    pub fn talk(&self, one: &str, other: &str) -> bool {
        let log = self.exchange.twilio.log();
        let last = log.iter().rev().find(|entry| {
            entry.phone == one && matches!(entry.what, What::Bridged { .. } | What::Unbridged | What::Ended { .. })
        });
        last.is_some_and(|entry| match &entry.what {
            What::Bridged { with, .. } => with.iter().any(|phone| phone == other),
            _ => false,
        })
    }

    /// Whether the phone ever heard words that contain `words`.
    #[must_use]
    pub fn heard(&self, phone: &str, words: &str) -> bool {
        self.exchange.twilio.heard(phone).iter().any(|heard| heard.contains(words))
    }

    /// The conversations with this customer.
    #[must_use]
    pub fn conversations(&self, customer: &str) -> Vec<ConversationView> {
        let all = self.exchange.chatwoot.conversations();
        all.into_iter().filter(|conversation| conversation.contact_phone.as_deref() == Some(customer)).collect()
    }

    /// Every message in them.
    #[must_use]
    pub fn messages(&self, customer: &str) -> Vec<MessageView> {
        self.conversations(customer).into_iter().flat_map(|conversation| conversation.messages).collect()
    }

    /// The name of the agent who has the customer's conversation.
    #[must_use]
    pub fn assignee(&self, customer: &str) -> Option<String> {
        let assignee = self.conversations(customer).first()?.assignee_id?;
        let agents = self.exchange.chatwoot.agents();
        agents.into_iter().find(|agent| agent.id == assignee).map(|agent| agent.name)
    }

    /// How many voicemails with audio the customer's conversations show.
    #[must_use]
    pub fn voicemails(&self, customer: &str) -> usize {
        self.messages(customer).iter().filter(|message| !message.attachments.is_empty()).count()
    }

    fn name_of(&self, phone: &str) -> String {
        let agent = self.exchange.rules.agents.iter().find(|agent| agent.phone.as_e164() == phone);
        let customer = CUSTOMERS.iter().find(|(number, _)| *number == phone);
        agent
            .map(|agent| agent.name.clone())
            .or_else(|| customer.map(|(_, name)| (*name).to_owned()))
            .unwrap_or_else(|| phone.to_owned())
    }

    /// Who heard what when, in the words of the stand-ins.
    #[must_use]
    pub fn tell(&self) -> String {
        let mut told = String::new();
        for entry in self.exchange.twilio.log() {
            let Some(what) = in_words(&entry.what, &|phone| self.name_of(phone)) else { continue };
            let seconds = (entry.at - self.began_at).num_milliseconds();
            let _ = writeln!(
                told,
                "{:>4}.{:03} s  {:<14} {what}",
                seconds / 1000,
                seconds % 1000,
                self.name_of(&entry.phone)
            );
        }
        for conversation in self.exchange.chatwoot.conversations() {
            let _ = writeln!(told, "  inbox  conversation {} ({})", conversation.id, conversation.labels.join(", "));
            for message in &conversation.messages {
                let audio = if message.attachments.is_empty() { "" } else { " [audio]" };
                let _ = writeln!(
                    told,
                    "  inbox    {}{audio}",
                    message.content.as_deref().unwrap_or_default().replace('\n', " / ")
                );
            }
        }
        told
    }

    /// What must hold at the end of every story: nobody alone on a line, no phone rung twice at once, every document
    /// valid, nothing live.
    ///
    /// # Errors
    /// What does not hold.
    pub fn judge(&self) -> anyhow::Result<()> {
        let twilio = &self.exchange.twilio;
        ensure!(twilio.violations().is_empty(), "the carrier complains: {:?}", twilio.violations());
        ensure!(twilio.alone_since().is_empty(), "somebody is alone on a line: {:?}", twilio.alone_since());
        ensure!(twilio.live_calls().is_empty(), "lines are open at the end: {:?}", twilio.live_calls());
        for phone in AGENTS {
            let twice = twilio.rung_twice_at_once(phone);
            ensure!(twice.is_empty(), "{} was rung for two calls at once: {twice:?}", self.name_of(phone));
        }
        for conversation in self.exchange.chatwoot.conversations() {
            let shown = conversation.messages.iter().filter(|message| !message.deleted);
            let mut keys: Vec<_> = shown.filter_map(|message| message.source_id.clone()).collect();
            let all = keys.len();
            keys.sort();
            keys.dedup();
            ensure!(all == keys.len(), "a message is shown twice in conversation {}", conversation.id);
        }
        Ok(())
    }
}

fn in_words(what: &What, name: &dyn Fn(&str) -> String) -> Option<String> {
    Some(match what {
        What::Dialled { to } => format!("dials {}", name(to)),
        What::Ringing => "rings".to_owned(),
        What::Answered { machine: true } => "is answered by a voicemail".to_owned(),
        What::Answered { machine: false } => "picks up".to_owned(),
        What::Heard { kind, text } if *kind == "say" => format!("hears: {text}"),
        What::Heard { kind, .. } => format!("hears {kind}"),
        What::Pressed(keys) => format!("presses {keys}"),
        What::Spoke(text) => format!("says: {text}"),
        What::Bridged { with, .. } => {
            format!("talks with {}", with.iter().map(|phone| name(phone)).collect::<Vec<_>>().join(", "))
        }
        What::HungUp { by } => format!("is hung up by {by}"),
        What::Ended { status } => format!("ended: {status}"),
        What::Waiting
        | What::Unbridged
        | What::LeftAlone
        | What::Queued { .. }
        | What::LeftQueue { .. }
        | What::Warning(_)
        | What::CallbackDropped(_) => return None,
    })
}
