//! How a story is set, played and judged.

use offhook::rules::{DialStopsAt, RingMethod};
use offhook::sandbox::exchange::ExchangeOptions;
use offhook::sandbox::stories::{AGENTS, Scene};
use offhook::sandbox::twilio::{Context, PhoneAction, What};
use serde_json::{Value, json};

use crate::exchange::postgres;
use crate::twiml_schema::check_twiml;

pub use offhook::sandbox::stories::{ACME, JANE, OMAR, PRIYA, RUTH, SAM};

pub const BEN: &str = "+15550100007";
pub const LUIS: &str = AGENTS[2];
pub const MEI: &str = AGENTS[3];
pub const TOM: &str = AGENTS[4];

/// Both ways of ringing.
pub const BOTH: [RingMethod; 2] = [RingMethod::Legs, RingMethod::Dial];

/// Nobody stays alone in a room for longer than this, in seconds: the claim's deadline and the carrier's answer.
const ALONE_MAX_S: i64 = 20;

/// How a story is set.
pub struct Setting {
    options: ExchangeOptions,
    allows_violations: bool,
    _folder: Option<tempfile::TempDir>,
}

impl Setting {
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("offhook.sqlite").display());
        Self { options: ExchangeOptions::manual(&url), allows_violations: false, _folder: Some(folder) }
    }

    pub fn postgres() -> Self {
        Self::on(&postgres::fresh_database())
    }

    /// On a database that the story can take away.
    pub fn on(url: &str) -> Self {
        Self { options: ExchangeOptions::manual(url), allows_violations: false, _folder: None }
    }

    pub fn method(mut self, method: RingMethod) -> Self {
        self.options.method = method;
        self
    }

    /// What a live test recorded about the account.
    pub fn dial_known_to_stop_at(mut self, stops_at: DialStopsAt) -> Self {
        self.options.dial_stops_at = stops_at;
        self
    }

    /// What the carrier does.
    pub fn switches(mut self, part: &Value) -> Self {
        self.options.switches = self.options.switches.with(part).unwrap();
        self
    }

    /// `reading`: `accept` or `answer`.
    pub fn dial_stops_at(self, reading: &str) -> Self {
        self.switches(&json!({ "dial_stops_at": reading }))
    }

    /// The account carries no more legs to agents at one time.
    pub fn legs_live_max(mut self, legs: u32) -> Self {
        self.options.legs_live_max = legs;
        self
    }

    pub fn calls_per_second(mut self, service: u32, carrier: u32) -> Self {
        self.options.calls_per_second = service;
        self.switches(&json!({ "calls_per_second": carrier }))
    }

    /// The example's routing with `from` replaced by `to`.
    pub fn routing(mut self, from: &str, to: &str) -> Self {
        assert!(self.options.routing.contains(from), "{from:?} is not in the example");
        self.options.routing = self.options.routing.replacen(from, to, 1);
        self
    }

    /// The story makes the carrier complain on purpose.
    pub fn allows_violations(mut self) -> Self {
        self.allows_violations = true;
        self
    }

    /// Plays and judges.
    pub async fn play(self, story: impl AsyncFnOnce(&mut Scene) -> anyhow::Result<()>) {
        let mut scene = Scene::start(self.options).await.unwrap();
        let outcome = story(&mut scene).await;
        let told = scene.tell();
        let judged = outcome.and_then(|()| judge(&scene, self.allows_violations));
        let violations = scene.exchange.twilio.violations();
        scene.stop().await;
        if let Err(error) = judged {
            panic!("{error:#}\nviolations: {violations:?}\n{told}");
        }
    }
}

/// What holds at the end of every story.
pub fn judge(scene: &Scene, allows_violations: bool) -> anyhow::Result<()> {
    if !allows_violations {
        scene.judge()?;
    }
    check_documents(scene)?;
    nobody_was_left_alone(scene)
}

/// Every document is held against the contract's schema, in its context.
fn check_documents(scene: &Scene) -> anyhow::Result<()> {
    let base = format!("http://{}", scene.exchange.address);
    for document in scene.exchange.twilio.documents() {
        let context = match document.context {
            Context::Call => None,
            Context::Screen => Some("number_url_screen"),
            Context::EnqueueWait => Some("enqueue_wait"),
            Context::ConferenceWait => Some("conference_wait_hold_announce"),
            Context::QueueUrl => Some("queue_noun_url"),
        };
        // The stand-ins talk without TLS on the loopback; the schema asks for what goes to the world.
        let body = document.body.replace(&base, "https://pbx.example.com");
        if let Err(faults) = check_twiml(context, &body) {
            anyhow::bail!("{context:?}: {faults:?} in {body} from {}", document.url);
        }
    }
    Ok(())
}

/// Whoever was alone in a conference met somebody, heard something or was let go soon.
fn nobody_was_left_alone(scene: &Scene) -> anyhow::Result<()> {
    let log = scene.exchange.twilio.log();
    for (place, left) in log.iter().enumerate().filter(|(_, entry)| entry.what == What::LeftAlone) {
        let next = log.iter().skip(place + 1).find(|entry| {
            entry.call_sid == left.call_sid
                && matches!(entry.what, What::Bridged { .. } | What::Ended { .. } | What::Queued { .. })
        });
        let until = next.map_or(scene.exchange.now(), |entry| entry.at);
        let alone_s = (until - left.at).num_seconds();
        anyhow::ensure!(alone_s <= ALONE_MAX_S, "{} was alone for {alone_s} s", left.phone);
    }
    Ok(())
}

/// Lets time pass and sees to it that nobody is alone in a room for long.
pub async fn watch(scene: &Scene, seconds: u32) -> anyhow::Result<()> {
    for _ in 0..seconds {
        scene.wait(1.0).await?;
        for (phone, since) in scene.exchange.twilio.alone_since() {
            let alone_s = (scene.exchange.now() - since).num_seconds();
            anyhow::ensure!(alone_s <= ALONE_MAX_S, "{phone} has been alone in a room for {alone_s} s");
        }
    }
    Ok(())
}

pub async fn all_ring(scene: &Scene) -> anyhow::Result<()> {
    scene.wait_for("every phone rings", 8, |scene| AGENTS.iter().all(|agent| scene.is_ringing(agent))).await
}

pub async fn none_rings(scene: &Scene, within_s: u32) -> anyhow::Result<()> {
    scene.wait_for("no phone rings", within_s, |scene| !AGENTS.iter().any(|agent| scene.is_ringing(agent))).await
}

pub async fn accept(scene: &Scene, agent: &str, caller: &str) -> anyhow::Result<()> {
    scene.answer(agent).await?;
    scene.press(agent, "1").await?;
    meet(scene, agent, caller).await
}

/// The agent accepts, and the two talk for so long that a talk under a simultaneous dial is known to be one: nothing
/// reports its bridge, so the carrier is asked when the claim's deadline has passed.
pub async fn accept_and_talk(scene: &Scene, agent: &str, caller: &str) -> anyhow::Result<()> {
    accept(scene, agent, caller).await?;
    scene.wait(15.0).await
}

pub async fn meet(scene: &Scene, agent: &str, caller: &str) -> anyhow::Result<()> {
    scene.wait_for("agent and caller meet", 10, |scene| scene.talk(agent, caller)).await
}

pub async fn hang_up(scene: &Scene, phone: &str) -> anyhow::Result<()> {
    scene.act(phone, PhoneAction::HangUp).await
}

/// Whether the phone hears the recorder's tone and is listened to.
pub fn is_recorded(scene: &Scene, phone: &str) -> bool {
    let state = scene.exchange.twilio.phones_state();
    state.as_array().unwrap().iter().any(|one| one["number"] == phone && one["wants"] == "speech")
}

pub async fn reach_recorder(scene: &Scene, caller: &str, within_s: u32) -> anyhow::Result<()> {
    scene.wait_for("the recorder's tone", within_s, |scene| is_recorded(scene, caller)).await
}

pub async fn leave_message(scene: &Scene, caller: &str, words: &str) -> anyhow::Result<()> {
    scene.act(caller, PhoneAction::SpeakFor { text: words.to_owned(), secs: 5 }).await?;
    scene.wait(6.0).await?;
    hang_up(scene, caller).await?;
    scene.wait(20.0).await
}

/// Turns the carrier's switches.
pub fn turn(scene: &Scene, part: &Value) {
    scene.exchange.twilio.set_switches(part).unwrap();
}

/// Whether a message of the customer's conversations contains these words.
pub fn inbox_says(scene: &Scene, customer: &str, words: &str) -> bool {
    scene.messages(customer).iter().any(|message| message.content.as_deref().is_some_and(|text| text.contains(words)))
}
