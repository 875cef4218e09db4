//! A stand-in of Twilio voice, strict enough to judge a service by.
//!
//! It is an exchange with virtual telephones, Twilio's REST API in front of it and Twilio's webhooks behind it. It
//! shares no code with the room that talks to Twilio. It refuses what Twilio refuses, keeps every broken rule
//! ([`TwilioStandIn::violations`]) and everything a person at a phone would notice ([`TwilioStandIn::log`]). Where the
//! sources are silent or disagree, there is a switch ([`Switches`]).
//!
//! ```text
//! let twilio = TwilioStandIn::start(Options::manual(noon, &["+15550100002"])).await?;
//! twilio.configure_number("+15550100002", "http://127.0.0.1:8080/twilio/voice", "", "")?;
//! twilio.add_phone("+15550100001", "Jane Doe", PhoneKind::Customer, Behaviour::Manual);
//! twilio.act("+15550100001", PhoneAction::Dial { to: "+15550100002".into() }).await?;
//! twilio.advance_to(noon + TimeDelta::seconds(30)).await;
//! assert!(twilio.violations().is_empty());
//! ```

mod audio;
mod bodies;
mod call;
mod collect;
mod conference;
mod dial;
mod dial_end;
mod documents;
mod driver;
mod ending;
mod engine;
mod handset;
mod interpreter;
mod journal;
mod legs;
mod numbers;
mod openapi;
mod phone;
mod queue;
mod recording;
mod rest;
mod rest_calls;
mod rest_messages;
mod rest_numbers;
mod rest_recordings;
mod rest_rooms;
mod room_news;
mod schema;
mod server;
mod signature;
mod switches;
mod twiml;
mod wire;

use std::sync::{Arc, Mutex};

use actix_web::dev::ServerHandle;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

pub use call::Status;
pub use journal::{Bridge, Document, Entry, Ring, Violation, What};
pub use phone::{Behaviour, PhoneAction, PhoneKind};
pub use recording::RecordingFile;
pub use rest_messages::Text;
pub use schema::{Context, Fault};
pub use signature::sign;
pub use switches::{
    Callbacks, DialStopsAt, EmptyRecord, FailedScreen, FallbackCovers, FinalStatus, RestHealth, SecondCall, StrayKeys,
    Switches, UnfetchablePlay, Webhooks,
};
pub use wire::Sent;

use crate::clock::{Clock, ManualClock, SystemClock};
use driver::Driver;
use engine::Engine;

/// Whose time the stand-in runs on.
#[derive(Debug, Clone)]
pub enum Time {
    /// The machine's; a task drives it.
    Real,
    /// Stands still until [`TwilioStandIn::advance_to`] turns it.
    Manual {
        /// Where it stands at first.
        start: DateTime<Utc>,
    },
}

/// How to start a stand-in.
#[derive(Debug, Clone)]
pub struct Options {
    /// The port on the loopback address; 0 takes a free one.
    pub port: u16,
    /// Whose time it runs on.
    pub time: Time,
    /// The account, `AC` and 32 hexadecimal digits.
    pub account_sid: String,
    /// The key of every signature, and the password of every REST request. Not a real one.
    pub auth_token: String,
    /// The numbers the account owns, in E.164.
    pub numbers: Vec<String>,
    /// Decides the draws of chance.
    pub seed: u64,
    /// The switches at first.
    pub switches: Switches,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            time: Time::Real,
            account_sid: format!("AC{}", "f".repeat(32)),
            auth_token: "not-a-real-token-of-the-sandbox".to_owned(),
            numbers: Vec::new(),
            seed: 1,
            switches: Switches::default(),
        }
    }
}

impl Options {
    /// A free port and a manual clock that stands at `start`.
    #[must_use]
    pub fn manual(start: DateTime<Utc>, numbers: &[&str]) -> Self {
        let numbers = numbers.iter().map(|number| (*number).to_owned()).collect();
        Self { time: Time::Manual { start }, numbers, ..Self::default() }
    }
}

/// A running stand-in. Clones share it.
#[derive(Clone)]
pub struct TwilioStandIn {
    driver: Driver,
    server: ServerHandle,
    stop: CancellationToken,
}

impl TwilioStandIn {
    /// Listens and, on real time, begins to drive.
    ///
    /// Must be called inside a Tokio or Actix runtime.
    ///
    /// # Errors
    ///
    /// When the port is taken or no HTTP client can be built.
    #[expect(clippy::unused_async, reason = "it spawns tasks, which needs a running runtime")]
    pub async fn start(options: Options) -> std::io::Result<Self> {
        // A second installation fails, and means that there is one already.
        drop(rustls::crypto::ring::default_provider().install_default());
        let (now, manual) = match options.time {
            Time::Real => (SystemClock.now(), None),
            Time::Manual { start } => (start, Some(ManualClock::new(start))),
        };
        // A service that keeps its database meets this exchange's calls as new ones, also after it was started again.
        let seed = if manual.is_none() { rand::random() } else { options.seed };
        let mut engine = Engine::new(options.account_sid, options.auth_token, now, seed);
        engine.switches = options.switches;
        for number in &options.numbers {
            let sid = engine.fresh_sid("PN");
            engine.numbers.push(numbers::Number::new(sid, number, now));
        }
        let client = reqwest::Client::builder()
            .connect_timeout(std::time::Duration::from_secs(5))
            .redirect(reqwest::redirect::Policy::limited(10))
            .no_proxy()
            .build()
            .map_err(std::io::Error::other)?;
        let driver = Driver { engine: Arc::new(Mutex::new(engine)), client, manual, turning: Arc::default() };
        let (port, server) = server::serve(driver.clone(), options.port)?;
        driver.lock().base_url = format!("http://127.0.0.1:{port}");
        let stop = CancellationToken::new();
        if driver.manual.is_none() {
            // Ends when `stop` is called.
            tokio::spawn(driver.clone().run(stop.clone()));
        }
        Ok(Self { driver, server, stop })
    }

    /// Stops listening and driving.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.server.stop(false).await;
    }

    /// Where the REST API is, without a trailing slash: `http://127.0.0.1:…`.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.driver.lock().base_url.clone()
    }

    /// The account.
    #[must_use]
    pub fn account_sid(&self) -> String {
        self.driver.lock().account_sid.clone()
    }

    /// The key of signatures, and the password of the REST API.
    #[must_use]
    pub fn auth_token(&self) -> String {
        self.driver.lock().auth_token.clone()
    }

    /// Signs with another key from now on, and asks REST clients for it.
    pub fn set_auth_token(&self, token: &str) {
        token.clone_into(&mut self.driver.lock().auth_token);
    }

    /// The clock that turns with a manual stand-in, for the service to share; none on real time.
    #[must_use]
    pub fn clock(&self) -> Option<ManualClock> {
        self.driver.manual.clone()
    }

    /// The present instant.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.driver.at_work().now
    }

    /// Points a number at the service. Empty URLs mean none.
    ///
    /// # Errors
    ///
    /// When the account has no such number.
    pub fn configure_number(
        &self,
        number: &str,
        voice_url: &str,
        fallback_url: &str,
        status_url: &str,
    ) -> Result<(), String> {
        let mut engine = self.driver.lock();
        let owned = engine
            .numbers
            .iter_mut()
            .find(|owned| owned.number == number)
            .ok_or_else(|| format!("the account has no number {number}"))?;
        voice_url.clone_into(&mut owned.voice_url);
        fallback_url.clone_into(&mut owned.fallback_url);
        status_url.clone_into(&mut owned.status_url);
        Ok(())
    }

    /// Switches the look-up of callers' names on for every number of the account.
    pub fn look_up_caller_names(&self) {
        for owned in &mut self.driver.lock().numbers {
            owned.caller_id_lookup = true;
        }
    }

    /// Calls to `number` are refused with this error code: 21211, 21214 to 21217 at once, 13223 to 13227 as failed calls; texts with
    /// 21408, 21610 and 21614.
    pub fn refuse_number(&self, number: &str, code: Option<u32>) {
        let mut engine = self.driver.lock();
        match code {
            Some(code) => engine.refusals.insert(number.to_owned(), code),
            None => engine.refusals.remove(number),
        };
    }

    /// Plugs a telephone in; one with the same number is replaced.
    pub fn add_phone(&self, number: &str, name: &str, kind: PhoneKind, behaviour: Behaviour) {
        self.driver.at_work().add_phone(number, name, kind, behaviour);
    }

    /// Says which of Chatwoot's agents owns a phone, for the page.
    pub fn set_agent_id(&self, number: &str, agent_id: i64) {
        if let Some(phone) = self.driver.lock().phone_mut(number) {
            phone.agent_id = Some(agent_id);
        }
    }

    /// What a phone does by itself from its next call on.
    pub fn set_behaviour(&self, number: &str, behaviour: Behaviour) {
        if let Some(phone) = self.driver.lock().phone_mut(number) {
            phone.behaviour = behaviour;
        }
    }

    /// A person does something with a phone. On manual time, everything due now is done before this returns.
    ///
    /// # Errors
    ///
    /// When it makes no sense now; the text says why.
    pub async fn act(&self, number: &str, action: PhoneAction) -> Result<(), String> {
        let done = self.driver.at_work().act(number, action);
        if self.driver.manual.is_some() {
            self.driver.settle().await;
        }
        done
    }

    /// Several people act at the same instant; the webhooks this causes are sent at the same time.
    ///
    /// # Errors
    ///
    /// When one of the actions makes no sense now; the others are done all the same.
    pub async fn act_together(&self, actions: Vec<(String, PhoneAction)>) -> Result<(), String> {
        let mut done = Ok(());
        {
            let mut engine = self.driver.at_work();
            for (number, action) in actions {
                done = done.and(engine.act(&number, action));
            }
        }
        if self.driver.manual.is_some() {
            self.driver.settle_together().await;
        }
        done
    }

    /// Turns a manual clock; every timer on the way is fired in order, and every exchange it causes is finished, before
    /// this returns. An instant in the past settles only.
    pub async fn advance_to(&self, instant: DateTime<Utc>) {
        self.driver.advance_to(instant).await;
    }

    /// Performs every exchange due now.
    pub async fn settle(&self) {
        self.driver.settle().await;
    }

    /// When something happens next; now, when a webhook is waiting to be sent.
    #[must_use]
    pub fn next_event_at(&self) -> Option<DateTime<Utc>> {
        let mut engine = self.driver.lock();
        if engine.outbox.is_empty() { engine.next_at() } else { Some(engine.now) }
    }

    /// Everything that happened, in order.
    #[must_use]
    pub fn log(&self) -> Vec<Entry> {
        self.driver.lock().journal.entries.clone()
    }

    /// Every rule of Twilio's that was broken, in order.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        self.driver.lock().journal.violations.clone()
    }

    /// Every document received, in order, whether or not it could be run.
    #[must_use]
    pub fn documents(&self) -> Vec<Document> {
        self.driver.lock().journal.documents.clone()
    }

    /// Every webhook sent, in the order of their replies.
    #[must_use]
    pub fn webhooks(&self) -> Vec<Sent> {
        self.driver.lock().journal.sent.clone()
    }

    /// Every ringing of a phone.
    #[must_use]
    pub fn rings(&self, number: &str) -> Vec<Ring> {
        self.driver.lock().journal.rings(number)
    }

    /// Pairs of ringings of one phone by two calls at once; empty when none ever was.
    #[must_use]
    pub fn rung_twice_at_once(&self, number: &str) -> Vec<(Ring, Ring)> {
        let rings = self.rings(number);
        let mut pairs = Vec::new();
        for (place, first) in rings.iter().enumerate() {
            for second in rings.iter().skip(place.saturating_add(1)) {
                if first.until.is_none_or(|until| second.from < until) {
                    pairs.push((first.clone(), second.clone()));
                }
            }
        }
        pairs
    }

    /// Who could hear whom, when.
    #[must_use]
    pub fn bridges(&self) -> Vec<Bridge> {
        self.driver.lock().journal.bridges()
    }

    /// Phones that are alone in a conference now, begun or not, and since when.
    #[must_use]
    pub fn alone_since(&self) -> Vec<(String, DateTime<Utc>)> {
        self.driver.lock().alone()
    }

    /// Every recording.
    #[must_use]
    pub fn recordings(&self) -> Vec<RecordingFile> {
        self.driver.lock().recordings.clone()
    }

    /// The texts that were taken, oldest first.
    #[must_use]
    pub fn texts(&self) -> Vec<Text> {
        self.driver.lock().texts.clone()
    }

    /// What a phone heard, words and sounds, oldest first.
    #[must_use]
    pub fn heard(&self, number: &str) -> Vec<String> {
        self.driver
            .lock()
            .phone(number)
            .map(|phone| phone.heard.iter().map(|heard| heard.text.clone()).collect())
            .unwrap_or_default()
    }

    /// SIDs of the legs that are not over.
    #[must_use]
    pub fn live_calls(&self) -> Vec<String> {
        self.driver.lock().calls.values().filter(|call| call.is_live()).map(|call| call.sid.clone()).collect()
    }

    /// The `phones` array of the page's state.
    #[must_use]
    pub fn phones_state(&self) -> Value {
        self.driver.lock().phones_state()
    }

    /// The switches.
    #[must_use]
    pub fn switches(&self) -> Switches {
        self.driver.lock().switches.clone()
    }

    /// The switches as JSON, for the page.
    #[must_use]
    pub fn switches_state(&self) -> Value {
        serde_json::to_value(self.switches()).unwrap_or_else(|_| json!({}))
    }

    /// Turns the switches named in `part`, and no other.
    ///
    /// # Errors
    ///
    /// When a name or a value is unknown; then none is turned.
    pub fn set_switches(&self, part: &Value) -> Result<(), String> {
        let mut engine = self.driver.lock();
        engine.switches = engine.switches.with(part)?;
        engine.changed();
        Ok(())
    }

    /// A count that changes whenever anything changes.
    #[must_use]
    pub fn subscribe(&self) -> tokio::sync::watch::Receiver<u64> {
        self.driver.lock().version.subscribe()
    }
}
