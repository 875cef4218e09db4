//! Serves the demo page and its JSON API: phones on one side, the inbox on the other, live.
//!
//! It knows neither stand-in; it talks to a [`Stage`], which whoever starts the sandbox builds over both. Worked
//! example: the page posts `/sandbox/api/phones/%2B15550100001/dial {"to":"+15550100002"}`, the stage lets the phone
//! dial, a receiver of [`Stage::subscribe`] changes, and every open page gets a new `state`.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::http::header::{self, HeaderValue};
use actix_web::web::{self, Bytes, Data, Json, Path, ServiceConfig};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, Utc};
use futures_util::{Stream, future, stream};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::dashboard;

/// How often a stream speaks.
const PACE: Pace = Pace { states: Duration::from_millis(100), beats: Duration::from_secs(15) };
/// Most bytes of an action: a reply of 150,000 characters of up to four bytes, and its wrapping.
const ACTION_BYTES_MAX: usize = 640 * 1024;
/// Most keys pressed in one action.
const KEYS_MAX: usize = 32;
/// Most characters said in one action: some two minutes of talk.
const SPOKEN_CHARS_MAX: usize = 2000;
/// The page loads nothing from elsewhere, plays the recordings of Chatwoot's stand-in, and frames the panel. Both are
/// on other ports, known only while running.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data:; \
                      media-src 'self' http: https:; frame-src http: https:; connect-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

/// A brand that can be called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Brand {
    /// Its id, as `acme-movers`.
    pub brand: String,
    /// Its name, as a person reads it.
    pub name: String,
    /// The number to call, E.164.
    pub number: String,
}

/// All there is to show.
#[derive(Debug, Clone)]
pub struct Parts {
    /// The sandbox's present instant; spans on the page are counted from it.
    pub now: DateTime<Utc>,
    /// Where the panel lives, shown in the tab "Phone".
    pub panel_url: String,
    /// In the order to be offered.
    pub brands: Vec<Brand>,
    /// The array `TwilioStandIn::phones_state` gives.
    pub phones: Value,
    /// The object `ChatwootStandIn::inbox_state` gives.
    pub inbox: Value,
    /// What `TwilioStandIn::switches_state` gives.
    pub twilio_switches: Value,
    /// What `ChatwootStandIn::switches_state` gives.
    pub chatwoot_switches: Value,
}

impl Parts {
    /// The same but for the time, which the page counts on by itself.
    fn looks_like(&self, other: &Self) -> bool {
        self.panel_url == other.panel_url
            && self.brands == other.brands
            && self.phones == other.phones
            && self.inbox == other.inbox
            && self.twilio_switches == other.twilio_switches
            && self.chatwoot_switches == other.chatwoot_switches
    }
}

impl Serialize for Parts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        json!({
            "now": self.now.to_rfc3339_opts(SecondsFormat::Millis, true),
            "panel_url": self.panel_url,
            "brands": self.brands,
            "phones": self.phones,
            "inbox": self.inbox,
            "switches": { "twilio": self.twilio_switches, "chatwoot": self.chatwoot_switches },
        })
        .serialize(serializer)
    }
}

/// What a person does with a phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PhoneAction {
    /// Calls this number.
    Dial(String),
    /// Picks up.
    Answer,
    /// Refuses to pick up.
    Decline,
    /// Lets the carrier's voicemail pick up.
    Voicemail,
    /// Ends the call.
    HangUp,
    /// Presses these keys: 1 to 32 of `0-9*#`.
    Keys(String),
    /// Says this: 1 to 2000 characters.
    Speak(String),
}

/// A message an agent writes in the inbox.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// Who writes.
    pub agent_id: i64,
    /// What, as markdown.
    pub content: String,
    /// Only for agents.
    pub private: bool,
}

/// The switches to change; a part left out stays as it is. What is inside is the stand-in's own.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SwitchesChange {
    /// For the carrier's stand-in.
    pub twilio: Option<Value>,
    /// For Chatwoot's stand-in.
    pub chatwoot: Option<Value>,
}

/// What the page shows and moves. An error is one sentence for the person at the page: why it makes no sense now.
#[async_trait]
pub trait Stage: Send + Sync + 'static {
    /// All there is to show, now.
    async fn state(&self) -> Parts;
    /// Lets the phone with this number act.
    async fn act(&self, number: &str, action: PhoneAction) -> Result<(), String>;
    /// Changes the neighbours' behaviour.
    async fn set_switches(&self, change: SwitchesChange) -> Result<(), String>;
    /// Sets an agent's availability: `online`, `busy` or `offline`.
    async fn set_availability(&self, agent_id: i64, availability: &str) -> Result<(), String>;
    /// Writes into a conversation.
    async fn reply(&self, conversation: i64, reply: Reply) -> Result<(), String>;
    /// Receivers of which one changes whenever the state does. One a stand-in.
    fn subscribe(&self) -> Vec<watch::Receiver<u64>>;
}

/// The running page.
#[derive(Debug)]
pub struct PageServer {
    /// Where a browser finds it, with a slash at the end.
    pub url: String,
    handle: ServerHandle,
}

impl PageServer {
    /// Stops at once; open streams are cut.
    pub async fn stop(&self) {
        self.handle.stop(false).await;
    }
}

/// Serves the page on the loopback. Port 0 takes a free one; [`PageServer::url`] tells which.
///
/// # Errors
/// When the port cannot be bound.
pub fn serve(stage: Arc<dyn Stage>, port: u16) -> io::Result<PageServer> {
    serve_at(stage, SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
}

/// Serves the page at an address of the caller's choice, as a container needs it. There is no sign-in: whoever reaches
/// the address can use the page.
///
/// # Errors
/// When the address cannot be bound.
pub fn serve_at(stage: Arc<dyn Stage>, address: SocketAddr) -> io::Result<PageServer> {
    serve_on(stage, TcpListener::bind(address)?)
}

/// Serves the page on a socket that listens already, for whoever has to know its address before there is a stage.
///
/// # Errors
/// When the socket cannot be used.
pub fn serve_on(stage: Arc<dyn Stage>, listener: TcpListener) -> io::Result<PageServer> {
    let bound = listener.local_addr()?;
    let running = HttpServer::new(move || App::new().configure(routes(Arc::clone(&stage))))
        .workers(1)
        .disable_signals()
        .listen(listener)?
        .run();
    let handle = running.handle();
    tokio::spawn(running);
    Ok(PageServer { url: format!("http://{bound}/"), handle })
}

/// The page at `/` and `/sandbox/`, and its API below `/sandbox/api/`.
pub fn routes(stage: Arc<dyn Stage>) -> impl Fn(&mut ServiceConfig) + Clone + Send {
    move |config: &mut ServiceConfig| {
        let json = web::JsonConfig::default().limit(ACTION_BYTES_MAX).error_handler(|error, _| {
            let answer = HttpResponse::BadRequest().json(json!({ "error": error.to_string() }));
            actix_web::error::InternalError::from_response(error, answer).into()
        });
        config
            .app_data(Data::from(Arc::clone(&stage)))
            .app_data(json)
            .route("/sandbox/api/live", web::get().to(live))
            .route("/sandbox/api/phones/{number}/{action}", web::post().to(act))
            .route("/sandbox/api/switches", web::post().to(set_switches))
            .route("/sandbox/api/agents/{id}/availability", web::post().to(set_availability))
            .route("/sandbox/api/conversations/{id}/reply", web::post().to(reply))
            .service(dashboard::read("/sandbox/{path:assets/.+}", page))
            .service(dashboard::read("/sandbox", add_slash))
            .service(dashboard::read("/sandbox/", page))
            .service(dashboard::read("/{path:assets/.+}", page))
            .service(dashboard::read("/", page));
    }
}

async fn add_slash() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((header::LOCATION, "sandbox/")).finish()
}

async fn page(request: HttpRequest) -> HttpResponse {
    let path = match request.match_info().query("path") {
        "" => "sandbox.html",
        path => path,
    };
    dashboard::protect(dashboard::asset(path, &request), HeaderValue::from_static(POLICY))
}

async fn live(stage: Data<dyn Stage>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/event-stream"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header(("x-accel-buffering", "no"))
        .streaming(events(stage.into_inner(), PACE))
}

/// The stream of one page; it ends only when the page closes it.
fn events(stage: Arc<dyn Stage>, pace: Pace) -> impl Stream<Item = Result<Bytes, Infallible>> {
    let follower = Follower { changes: stage.subscribe(), stage, pace, shown: None };
    stream::unfold(follower, |mut follower| async move {
        let event = follower.next().await;
        Some((Ok(event), follower))
    })
}

#[derive(Debug, Clone, Copy)]
struct Pace {
    /// Least time between two states. A burst of changes becomes one state.
    states: Duration,
    /// A quiet stream says that it lives this often; the page gives up after 40 s of silence.
    beats: Duration,
}

/// One open stream: the state at once, then again after each change, and a beat when nothing happens.
struct Follower {
    stage: Arc<dyn Stage>,
    changes: Vec<watch::Receiver<u64>>,
    pace: Pace,
    /// What the page was told last. A stand-in may count what nobody sees; that is not told again.
    shown: Option<Parts>,
}

impl Follower {
    async fn next(&mut self) -> Bytes {
        let quiet_until = Instant::now() + self.pace.beats;
        loop {
            if self.shown.is_some() {
                match tokio::time::timeout_at(quiet_until, changed(&mut self.changes)).await {
                    Ok(()) => tokio::time::sleep(self.pace.states).await,
                    Err(_elapsed) => return Bytes::from_static(b"event: beat\ndata: {}\n\n"),
                }
            }
            // Marked before the state is read: a change meanwhile brings one look too many, never one too few.
            for receiver in &mut self.changes {
                receiver.mark_unchanged();
            }
            let parts = self.stage.state().await;
            if self.shown.as_ref().is_none_or(|shown| !shown.looks_like(&parts)) {
                let state = serde_json::to_string(&parts).unwrap_or_else(|_| "null".to_owned());
                self.shown = Some(parts);
                return Bytes::from(format!("event: state\ndata: {state}\n\n"));
            }
        }
    }
}

/// Waits until one of them changes. One whose sender is gone never does.
async fn changed(receivers: &mut [watch::Receiver<u64>]) {
    let waits = receivers.iter_mut().map(|receiver| {
        Box::pin(async move {
            if receiver.changed().await.is_err() {
                future::pending::<()>().await;
            }
        })
    });
    if waits.len() == 0 {
        future::pending::<()>().await;
    }
    future::select_all(waits).await;
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ActionBody {
    to: Option<String>,
    keys: Option<String>,
    text: Option<String>,
}

/// The action by its name in the path and what its body must hold. `None`: no such action.
fn parse_action(name: &str, body: ActionBody) -> Option<Result<PhoneAction, &'static str>> {
    Some(match name {
        "dial" => body.to.filter(|to| !to.is_empty()).map(PhoneAction::Dial).ok_or("`to` must be a number to call"),
        "answer" => Ok(PhoneAction::Answer),
        "decline" => Ok(PhoneAction::Decline),
        "voicemail" => Ok(PhoneAction::Voicemail),
        "hang-up" => Ok(PhoneAction::HangUp),
        "keys" => body
            .keys
            .filter(|keys| (1..=KEYS_MAX).contains(&keys.len()))
            .filter(|keys| keys.chars().all(|key| key.is_ascii_digit() || matches!(key, '*' | '#')))
            .map(PhoneAction::Keys)
            .ok_or("`keys` must be 1 to 32 of 0-9 * #"),
        "speak" => body
            .text
            .filter(|text| !text.trim().is_empty() && text.chars().count() <= SPOKEN_CHARS_MAX)
            .map(PhoneAction::Speak)
            .ok_or("`text` must be 1 to 2000 characters"),
        _ => return None,
    })
}

async fn act(stage: Data<dyn Stage>, path: Path<(String, String)>, body: Json<ActionBody>) -> HttpResponse {
    let (number, name) = path.into_inner();
    match parse_action(&name, body.into_inner()) {
        None => HttpResponse::NotFound().json(json!({ "error": format!("there is no action `{name}`") })),
        Some(Err(why)) => HttpResponse::BadRequest().json(json!({ "error": why })),
        Some(Ok(action)) => done(stage.act(&number, action).await),
    }
}

async fn set_switches(stage: Data<dyn Stage>, body: Json<SwitchesChange>) -> HttpResponse {
    done(stage.set_switches(body.into_inner()).await)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AvailabilityBody {
    availability: String,
}

async fn set_availability(stage: Data<dyn Stage>, agent: Path<i64>, body: Json<AvailabilityBody>) -> HttpResponse {
    if !matches!(body.availability.as_str(), "online" | "busy" | "offline") {
        return HttpResponse::BadRequest().json(json!({ "error": "`availability` must be online, busy or offline" }));
    }
    done(stage.set_availability(agent.into_inner(), &body.availability).await)
}

async fn reply(stage: Data<dyn Stage>, conversation: Path<i64>, body: Json<Reply>) -> HttpResponse {
    if body.content.trim().is_empty() {
        return HttpResponse::BadRequest().json(json!({ "error": "`content` must not be empty" }));
    }
    done(stage.reply(conversation.into_inner(), body.into_inner()).await)
}

fn done(outcome: Result<(), String>) -> HttpResponse {
    match outcome {
        Ok(()) => HttpResponse::NoContent().finish(),
        Err(why) => HttpResponse::Conflict().json(json!({ "error": why })),
    }
}

#[cfg(test)]
mod tests;
