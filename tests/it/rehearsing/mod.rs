//! What `POST /api/v1/simulations` foretells is what the service then does: ten thousand random calls, each foretold by the
//! API and then made, under random rules, in a world that goes on from call to call.
//!
//! The live side is judged from outside: by the documents that a caller's requests are answered with, by the phones that
//! the carrier is asked to ring, and by what the API explains afterwards.

mod caller;
mod carrier;
mod large;
mod rules;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use actix_web::body::MessageBody;
use actix_web::dev::ServiceResponse;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use chrono::TimeDelta;
use offhook::app::App;
use offhook::call::effect::Neighbour;
use offhook::clock::{Clock, CountedIds, ManualClock};
use offhook::config::Settings;
use offhook::ids::{AgentId, BrandId};
use offhook::sandbox::exchange::MANUAL_START;
use offhook::sandbox::twilio::sign;
use offhook::store::model::ModelStore;
use offhook::store::open::{OpenOptions, open};
use offhook::store::{Presence, PresenceChange, Store};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::store::trace::Dice;
use caller::Caller;
use carrier::{Asked, Carrier};
use rules::{NUMBERS, phone, write_rules};

const BASE: &str = "https://pbx.example.com";
const ACCOUNT: &str = "ACffffffffffffffffffffffffffffffff";
const TOKEN: &str = "not-a-real-token-of-the-tests";
const OPERATOR: &str = "not-a-real-operator-token-of-the-tests";

/// Routing files, and calls under each.
const WORLDS: u32 = 400;
const CALLS: u32 = 25;

/// Times are compared to so many milliseconds: legs are placed one after the other.
const CLOSE_MS: i64 = 150;

/// The service and what it stands between.
pub struct Service {
    pub app: Arc<App>,
    pub clock: ManualClock,
    pub carrier: Carrier,
    counted: AtomicU64,
    /// What the carrier was asked about other calls than the one that is played.
    pub others: Mutex<Vec<Asked>>,
}

/// Somebody who sends requests to the service.
pub trait Post {
    /// Sends a webhook; what it was answered.
    async fn post(&self, url: &str, fields: &[(&str, String)]) -> String;
    /// Sends a request to the API.
    async fn ask(&self, path: &str, body: &Value) -> Value;
    /// Reads from the API.
    async fn read(&self, path: &str) -> Value;
}

impl Service {
    pub fn start(store: Arc<dyn Store>) -> Self {
        drop(rustls::crypto::ring::default_provider().install_default());
        let carrier = Carrier::start();
        let mut settings = Settings::default();
        settings.server.public_base_url = Some(BASE.parse().unwrap());
        settings.server.operator_tokens = vec![SecretString::from(OPERATOR)];
        settings.twilio.account_sid = Some(ACCOUNT.to_owned());
        settings.twilio.auth_tokens = vec![SecretString::from(TOKEN)];
        settings.twilio.api_base_url = format!("http://{}", carrier.address).parse().unwrap();
        settings.twilio.calls_per_second = 100;
        settings.chatwoot.base_url = Some("https://chatwoot.example.com".parse().unwrap());
        settings.chatwoot.account_id = Some(1);
        settings.chatwoot.api_token = Some(SecretString::from("not-a-real-chatwoot-token"));
        settings.chatwoot.webhook_secrets = vec![SecretString::from("not-a-real-webhook-secret")];
        let clock = ManualClock::new(MANUAL_START.parse().unwrap());
        let app = App::build(settings, store, Arc::new(clock.clone()), Arc::new(CountedIds::new(7))).unwrap();
        Self { app, clock, carrier, counted: AtomicU64::new(1), others: Mutex::default() }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{BASE}{path}")
    }

    pub fn count(&self) -> u64 {
        self.counted.fetch_add(1, Ordering::Relaxed)
    }

    /// What the workers do that see to calls. Nothing goes to the inbox here.
    pub async fn tick(&self) -> usize {
        let mut done = self.app.switchboard.wake_due_calls().await.unwrap();
        self.app.switchboard.offer_freed_phones().await.unwrap();
        done += self.app.outbox.deliver_due(Neighbour::Carrier).await.unwrap();
        done += self.app.outbox.deliver_due(Neighbour::Recordings).await.unwrap();
        done
    }

    pub async fn rings_pending(&self) -> u32 {
        let brand = BrandId::new("brand-0");
        self.app.store.load_facts(&brand, &[], self.clock.now()).await.unwrap().rings_pending
    }

    pub async fn publish(&self, text: &str) {
        self.app.store.publish_rules(text, "test", self.clock.now()).await.unwrap();
        self.app.switchboard.rulebook().refresh().await.unwrap();
    }
}

/// The routes of the service, in this process.
pub struct Wire<S, R>(pub S, pub fn(TestRequest) -> R);

impl<S, R, B> Post for Wire<S, R>
where
    S: actix_web::dev::Service<R, Response = ServiceResponse<B>, Error = actix_web::Error>,
    B: MessageBody,
{
    async fn post(&self, url: &str, fields: &[(&str, String)]) -> String {
        let url = url.split('#').next().unwrap();
        let fixed = [("AccountSid", ACCOUNT.to_owned()), ("ApiVersion", "2010-04-01".to_owned())];
        let params: Vec<(String, String)> =
            fixed.iter().chain(fields).map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let body: String = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&params).finish();
        let request = TestRequest::post()
            .uri(url.strip_prefix(BASE).unwrap())
            .insert_header(("content-type", "application/x-www-form-urlencoded"))
            .insert_header(("x-twilio-signature", sign(TOKEN, url, &params)))
            .set_payload(body);
        let response = call_service(&self.0, (self.1)(request)).await;
        assert!(response.status().is_success(), "{} for {url}", response.status());
        String::from_utf8(read_body(response).await.to_vec()).unwrap()
    }

    async fn ask(&self, path: &str, body: &Value) -> Value {
        let request =
            TestRequest::post().uri(path).insert_header(("authorization", format!("Bearer {OPERATOR}"))).set_json(body);
        let response = call_service(&self.0, (self.1)(request)).await;
        let status = response.status();
        let text = String::from_utf8(read_body(response).await.to_vec()).unwrap();
        assert!(status.is_success(), "{status} for {path} with {body}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    async fn read(&self, path: &str) -> Value {
        let request = TestRequest::get().uri(path).insert_header(("authorization", format!("Bearer {OPERATOR}")));
        let response = call_service(&self.0, (self.1)(request)).await;
        let status = response.status();
        let text = String::from_utf8(read_body(response).await.to_vec()).unwrap();
        assert!(status.is_success(), "{status} for {path}: {text}");
        serde_json::from_str(&text).unwrap()
    }
}

/// Serves the routes of a service.
macro_rules! wire {
    ($service:expr) => {{
        let metrics = offhook::telemetry::start_metrics().unwrap();
        let routes = offhook::server::routes(Arc::clone(&$service.app), metrics);
        Wire(init_service(actix_web::App::new().configure(routes)).await, TestRequest::to_request)
    }};
}

use wire;

/// Things that happen, each with the milliseconds since the arrival.
type Told = Vec<(i64, String)>;

/// What the API foretells of a caller's ears, with times.
fn foretold(simulation: &Value, until: TimeDelta) -> (Told, Told) {
    let (mut heard, mut rang) = (Vec::new(), Vec::new());
    for step in simulation["steps"].as_array().unwrap() {
        let after = step["after_ms"].as_i64().unwrap();
        if after > until.num_milliseconds() {
            continue;
        }
        match step["what"].as_str().unwrap() {
            "hears_words" | "hears_audio" => heard.push((after, step["text"].as_str().unwrap().to_owned())),
            "hears_ringback" => heard.push((after, "(ringback)".to_owned())),
            "hears_tone" => heard.push((after, "(tone)".to_owned())),
            "hears_refusal" => heard.push((after, "(refusal)".to_owned())),
            "line_rings" => heard.push((after, format!("(line {})", step["number"].as_str().unwrap()))),
            "phone_rings" => {
                let number: u32 = step["agent"].as_str().unwrap()[1..].parse().unwrap();
                rang.push((after, phone(number)));
            }
            _ => {}
        }
    }
    (heard, rang)
}

/// The same things in the same order, and at the same time; those near the cut may be on either side of it.
fn compare(
    what: &str,
    foretold: &[(i64, String)],
    came: &[(TimeDelta, String)],
    until: TimeDelta,
) -> Result<(), String> {
    // The key of a challenge is another for each call.
    let plain = |words: &str| match words.split_once("To go on, please press") {
        Some((brand, _)) => format!("{brand}To go on, please press"),
        None => words.to_owned(),
    };
    let is_inside = |at: i64| at < until.num_milliseconds() - 2 * CLOSE_MS;
    let told: Vec<&(i64, String)> = foretold.iter().filter(|(at, _)| is_inside(*at)).collect();
    let came: Vec<(i64, &str)> =
        came.iter().map(|(at, what)| (at.num_milliseconds(), what.as_str())).filter(|(at, _)| is_inside(*at)).collect();
    let is_same = told.len() == came.len()
        && told
            .iter()
            .zip(&came)
            .all(|(told, came)| plain(&told.1) == plain(came.1) && (told.0 - came.0).abs() <= CLOSE_MS);
    if is_same { Ok(()) } else { Err(format!("{what}\nforetold: {told:#?}\ncame: {came:#?}")) }
}

/// The world goes on: agents come and go, time passes.
async fn change_world(dice: &mut Dice, service: &Service, post: &impl Post, is_pressed: bool) {
    let seconds = [0, 3, 17, 70, 700, 40_000][usize::try_from(dice.below(6)).unwrap()];
    let more = TimeDelta::milliseconds(i64::from(dice.below(1000)));
    service.clock.advance(if is_pressed { more } else { TimeDelta::seconds(seconds) + more });
    let now = service.clock.now();
    for _ in 0..dice.below(3) {
        let agent = AgentId::new(&format!("a{}", dice.below(7)));
        let presence = match dice.below(8) {
            0 => Presence::Busy,
            1 => Presence::Offline,
            _ => Presence::Online,
        };
        service.app.store.note_presence(&[PresenceChange { agent: agent.clone(), presence, at: now }]).await.unwrap();
        if dice.below(5) == 0 {
            let until = (dice.below(2) == 0).then(|| now + TimeDelta::seconds(i64::from(dice.below(600))));
            service.app.store.switch_phone(&agent, until).await.unwrap();
        }
    }
    if dice.below(40) == 0 {
        let brand = dice.below(2);
        let kind = if dice.below(2) == 0 { "override" } else { "flood" };
        let body = json!({ "reason": "a test", "duration_s": 300 });
        post.ask(&format!("/api/v1/brands/brand-{brand}/{kind}"), &body).await;
    }
    // What became due meanwhile.
    while service.tick().await > 0 {}
    service.others.lock().unwrap().extend(service.carrier.take());
}

/// What is said of an agent, without name and numbers.
fn reason_in(sentence: &str) -> String {
    let said = sentence.split(": ").nth(1).unwrap_or(sentence);
    if sentence.contains("was rung") {
        return "rung".to_owned();
    }
    said.chars().take_while(|letter| letter.is_alphabetic() || *letter == ' ').collect::<String>().trim().to_owned()
}

struct Counts {
    calls: u32,
    whole: u32,
    rang: usize,
    heard: usize,
    outcomes: BTreeMap<String, u32>,
    reasons: BTreeMap<String, u32>,
}

/// Foretells one call and makes it.
///
/// Sometimes the caller is left waiting while the next one calls: then only the first seconds are compared, in which the
/// earlier call takes no more phones. If it does take one, which nobody could foretell, nothing is compared; whether it was
/// is given back.
async fn try_call<'a, P: Post>(
    dice: &mut Dice,
    service: &'a Service,
    post: &'a P,
    counts: &mut Counts,
    waiting: &mut Option<Caller<'a, P>>,
) -> Result<bool, String> {
    let number = dice.below(3);
    let (to, brand) = (NUMBERS[usize::try_from(number).unwrap()], if number == 1 { "brand-1" } else { "brand-0" });
    let from = if dice.below(12) == 0 { "anonymous".to_owned() } else { format!("+15550100{}", 300 + dice.below(300)) };
    let press = ["", "1", "2", "-2", "91", "--", "1-"][usize::try_from(dice.below(7)).unwrap()];
    let is_whole = dice.below(3) == 0 && waiting.is_none();
    let is_left = dice.below(4) == 0 && waiting.is_none() && !is_whole;
    let until = match (is_whole, is_left || waiting.is_some()) {
        (true, _) => TimeDelta::seconds(150),
        (false, true) => TimeDelta::milliseconds(2_900),
        (false, false) => TimeDelta::seconds(3 + i64::from(dice.below(8))),
    };
    let body = json!({ "brand": brand, "number": to, "from": from, "press": press, "agents": "now" });
    let simulation = post.ask("/api/v1/simulations", &body).await;
    let keys = press.chars().map(|key| (key != '-').then_some(key)).collect();
    let sid = format!("CA{:032x}", service.count());
    let mut caller = Caller::new(service, post, sid, &from, to, keys);
    caller.play(until).await;
    let (heard, rang) = foretold(&simulation, until);
    let told = format!("{body} at {}", caller.arrived_at);
    let is_ring = |asked: &Asked| matches!(asked, Asked::Ring { .. });
    let is_disturbed = waiting.is_some() && service.others.lock().unwrap().iter().any(is_ring);
    if is_disturbed {
        caller.hang_up().await;
        if let Some(waiting) = waiting.take() {
            waiting.hang_up().await;
        }
        return Ok(false);
    }
    compare(&format!("heard, {told}"), &heard, &caller.heard, until)?;
    compare(&format!("rang, {told}"), &rang, &caller.rang, until)?;
    if is_whole {
        let call = post.read("/api/v1/calls?limit=1").await[0]["id"].as_str().unwrap().to_owned();
        let explained = post.read(&format!("/api/v1/calls/{call}/explanation")).await;
        if explained["agents"] != simulation["agents"] || explained["call"] != simulation["call"] {
            return Err(format!("{told}\nexplained: {explained:#}\nforetold: {simulation:#}"));
        }
        counts.whole += 1;
    }
    counts.calls += 1;
    *counts.outcomes.entry(simulation["outcome"].as_str().unwrap().to_owned()).or_default() += 1;
    for agent in simulation["agents"].as_array().unwrap() {
        *counts.reasons.entry(reason_in(agent["sentence"].as_str().unwrap())).or_default() += 1;
    }
    counts.rang += caller.rang.len();
    counts.heard += caller.heard.len();
    if is_left {
        *waiting = Some(caller);
        return Ok(true);
    }
    caller.hang_up().await;
    if let Some(waiting) = waiting.take() {
        waiting.hang_up().await;
    }
    Ok(true)
}

/// Foretells and makes the calls of these worlds.
async fn try_worlds(store: Arc<dyn Store>, worlds: Range<u32>) {
    let service = Service::start(store);
    let post = wire!(service);
    let mut counts =
        Counts { calls: 0, whole: 0, rang: 0, heard: 0, outcomes: BTreeMap::new(), reasons: BTreeMap::new() };
    let expected = worlds.len();
    for world in worlds {
        let mut dice = Dice::new(u64::from(world));
        let text = write_rules(&mut dice);
        offhook::rules::file::parse("world", &text).unwrap_or_else(|error| panic!("world {world}: {error}\n{text}"));
        service.publish(&text).await;
        let mut waiting = None;
        let mut call = 0;
        while call < CALLS {
            change_world(&mut dice, &service, &post, waiting.is_some()).await;
            match try_call(&mut dice, &service, &post, &mut counts, &mut waiting).await {
                Ok(is_compared) => call += u32::from(is_compared),
                Err(difference) => panic!("world {world}, call {call}: {difference}\n{text}"),
            }
        }
        if let Some(waiting) = waiting {
            waiting.hang_up().await;
        }
    }
    let Counts { calls, whole, rang, heard, outcomes, reasons } = counts;
    println!("{calls} calls foretold and made, {whole} of them to their end: {heard} things heard, {rang} phones rung");
    println!("ended as {outcomes:?}; agents: {reasons:?}");
    assert_eq!(usize::try_from(calls).unwrap(), expected * usize::try_from(CALLS).unwrap());
    // What never came about was not compared.
    assert!(counts_enough(rang, calls) && outcomes.len() >= 3 && reasons.len() >= 10, "too little happened");
}

/// A phone rings for every fourth call at least.
fn counts_enough(rang: usize, calls: u32) -> bool {
    rang * 4 >= usize::try_from(calls).unwrap()
}

/// The service as it runs: over a database. A part of the worlds, since each question to it takes its time.
#[actix_web::test]
async fn calls_over_a_database_go_as_they_were_foretold() {
    let store = open("sqlite::memory:", OpenOptions { migrate: true, connections: 1 }).await.unwrap();
    try_worlds(store, 0..WORLDS / 5).await;
}

/// The others over the store in memory, which gives the answers of the databases (see `store::conformance`).
#[actix_web::test]
async fn calls_go_as_they_were_foretold() {
    try_worlds(Arc::new(ModelStore::new()), WORLDS / 5..WORLDS).await;
}
