//! Chatwoot's websocket: who is present, asked every few seconds, and what happened, without a webhook.
//!
//! At most once and never replayed: after [`CableNews::Lost`] whatever matters is asked over REST. Subscribing marks the
//! token's user as present, so that user is set offline first. Source: contracts/chatwoot.md 7.4.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::{SinkExt, StreamExt};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};
use url::Url;

use super::agents::{Availability, Profile};
use super::error::ChatwootError;
use super::nonsense::Nonsense;
use super::payload::{ChatwootEvent, parse_cable};
use super::rest::ChatwootClient;
use crate::clock::Clock;
use crate::telemetry::Chain;

/// Longest message read. A conversation is a few kB, a map of presence some 20 bytes an agent or contact.
const MESSAGE_MAX_BYTES: usize = 4 * 1024 * 1024;

/// The rhythm of the connection.
#[derive(Debug, Clone, Copy)]
pub struct CableSettings {
    /// How often presence is asked for. Source: contract 7.5.
    pub presence_every: Duration,
    /// Silence after which the connection is given up; the server pings every 3 s.
    pub ping_timeout: Duration,
    /// Longest wait for a connection, its welcome and the confirmation: a wrong token is answered with silence.
    pub subscribe_timeout: Duration,
    /// First wait before connecting again; it doubles each time.
    pub backoff_min: Duration,
    /// Longest wait before connecting again.
    pub backoff_max: Duration,
}

impl Default for CableSettings {
    fn default() -> Self {
        Self {
            presence_every: Duration::from_secs(3),
            ping_timeout: Duration::from_secs(6),
            subscribe_timeout: Duration::from_secs(10),
            backoff_min: Duration::from_secs(1),
            backoff_max: Duration::from_secs(30),
        }
    }
}

/// Who is present. An agent who is not in the map has no browser open; one who is there as offline chose to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresenceReport {
    /// By Chatwoot user id.
    pub online: HashMap<i64, Availability>,
    /// When it arrived.
    pub at: DateTime<Utc>,
}

/// What the websocket has to tell.
#[derive(Debug, Clone, PartialEq)]
pub enum CableNews {
    /// The subscription stands, presence will follow.
    Subscribed,
    /// Who is present now.
    Presence(PresenceReport),
    /// Something happened.
    Event(ChatwootEvent),
    /// The connection is gone; presence and events stop until [`Subscribed`](Self::Subscribed).
    Lost,
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
enum CableError {
    #[error("could not read our own profile")]
    Profile(#[source] ChatwootError),
    #[error("the address of Chatwoot has no websocket")]
    Address,
    #[error("could not open the websocket")]
    Connect(#[source] tungstenite::Error),
    #[error("the subscription was not confirmed in time")]
    NotConfirmed,
    #[error("the websocket was silent for too long")]
    Silent,
    #[error("the websocket broke")]
    Broken(#[source] tungstenite::Error),
    #[error("Chatwoot closed the websocket")]
    Closed,
    #[error("Chatwoot refused the subscription")]
    Refused,
}

impl CableError {
    /// Whether the token may be stale and our profile has to be read again.
    fn doubts_token(&self) -> bool {
        matches!(self, Self::NotConfirmed | Self::Refused | Self::Connect(_))
    }
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Keeps a subscription until `stop`, and tells `news`. Connects again with growing waits, for ever.
///
/// A full channel loses presence and events, which come again or are polled, but never `Subscribed` and `Lost`. Ends
/// also when nobody listens any more.
pub async fn run(
    client: &ChatwootClient,
    clock: Arc<dyn Clock>,
    settings: CableSettings,
    news: mpsc::Sender<CableNews>,
    stop: CancellationToken,
) {
    let mut cable = Cable { client, clock, settings, news, profile: None, is_subscribed: false };
    let mut wait = settings.backoff_min;
    while !stop.is_cancelled() && !cable.news.is_closed() {
        let ended = tokio::select! {
            () = stop.cancelled() => return,
            ended = cable.session() => ended,
        };
        if std::mem::take(&mut cable.is_subscribed) {
            wait = settings.backoff_min;
            info!(error = %Chain(&ended), "Lost Chatwoot's websocket; availability comes over REST until it is back");
            if cable.news.send(CableNews::Lost).await.is_err() {
                return;
            }
        } else {
            warn!(error = %Chain(&ended), wait_s = wait.as_secs(), "Could not subscribe to Chatwoot's websocket");
        }
        if ended.doubts_token() {
            cable.profile = None;
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(wait) => {}
        }
        wait = wait.saturating_mul(2).min(settings.backoff_max);
    }
}

struct Cable<'c> {
    client: &'c ChatwootClient,
    clock: Arc<dyn Clock>,
    settings: CableSettings,
    news: mpsc::Sender<CableNews>,
    profile: Option<Profile>,
    is_subscribed: bool,
}

/// What a server frame asks of the session.
enum Step {
    Nothing,
    Welcome,
    Confirmed,
    Ended(CableError),
}

#[derive(Deserialize)]
struct Frame {
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    message: Value,
}

#[derive(Deserialize)]
struct Envelope {
    event: String,
    #[serde(default)]
    data: Value,
}

#[derive(Deserialize)]
struct PresenceData {
    account_id: i64,
    #[serde(default)]
    users: HashMap<i64, Availability>,
}

impl Cable<'_> {
    /// One connection from opening to end.
    async fn session(&mut self) -> CableError {
        match self.hold().await {
            Ok(never) => match never {},
            Err(ended) => ended,
        }
    }

    async fn hold(&mut self) -> Result<std::convert::Infallible, CableError> {
        let (user_id, token) = self.identify().await?;
        let confirm_by = Instant::now() + self.settings.subscribe_timeout;
        let mut socket =
            timeout(self.settings.subscribe_timeout, self.connect()).await.map_err(|_| CableError::NotConfirmed)??;
        // Chatwoot compares it byte for byte: built once (contract 7.4).
        let identifier = json!({"channel": "RoomChannel", "pubsub_token": token.expose_secret(),
            "account_id": self.client.account_id(), "user_id": user_id})
        .to_string();
        let mut heard_at = Instant::now();
        let mut ask_at = confirm_by;
        loop {
            let wake_at = ask_at.min(heard_at + self.settings.ping_timeout);
            let frame = tokio::select! {
                frame = socket.next() => frame,
                () = sleep_until(wake_at) => {
                    if heard_at.elapsed() >= self.settings.ping_timeout {
                        return Err(CableError::Silent);
                    }
                    if !self.is_subscribed {
                        return Err(CableError::NotConfirmed);
                    }
                    self.send(&mut socket, &presence_request(&identifier)).await?;
                    ask_at = Instant::now() + self.settings.presence_every;
                    continue;
                }
            };
            let message = frame.ok_or(CableError::Closed)?.map_err(CableError::Broken)?;
            heard_at = Instant::now();
            match self.take(&message) {
                Step::Nothing => {}
                Step::Welcome => {
                    self.send(&mut socket, &json!({"command": "subscribe", "identifier": identifier})).await?;
                }
                Step::Confirmed => {
                    self.is_subscribed = true;
                    self.news.send(CableNews::Subscribed).await.map_err(|_| CableError::Closed)?;
                    // At once: the report sent with the subscription may have been missed.
                    ask_at = Instant::now();
                }
                Step::Ended(why) => return Err(why),
            }
        }
    }

    /// Our user id and what opens the stream; makes sure that we do not appear as an agent who takes work.
    async fn identify(&mut self) -> Result<(i64, SecretString), CableError> {
        if let Some(profile) = &self.profile {
            return Ok((profile.id, profile.pubsub_token.clone()));
        }
        let profile = self.client.profile().await.map_err(CableError::Profile)?;
        let chosen = profile.membership(self.client.account_id()).and_then(|membership| membership.availability);
        if chosen != Some(Availability::Offline) {
            self.client.set_own_availability_offline().await.map_err(CableError::Profile)?;
        }
        let found = (profile.id, profile.pubsub_token.clone());
        self.profile = Some(profile);
        Ok(found)
    }

    async fn connect(&self) -> Result<Socket, CableError> {
        let address = cable_url(self.client.base_url()).ok_or(CableError::Address)?;
        let mut request = address.as_str().into_client_request().map_err(CableError::Connect)?;
        request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("actioncable-v1-json"));
        let limits = WebSocketConfig::default()
            .max_message_size(Some(MESSAGE_MAX_BYTES))
            .max_frame_size(Some(MESSAGE_MAX_BYTES));
        let (socket, _) = connect_async_with_config(request, Some(limits), true).await.map_err(CableError::Connect)?;
        Ok(socket)
    }

    /// A server that takes nothing is as good as silent.
    async fn send(&self, socket: &mut Socket, frame: &Value) -> Result<(), CableError> {
        timeout(self.settings.ping_timeout, socket.send(Message::text(frame.to_string())))
            .await
            .map_err(|_| CableError::Silent)?
            .map_err(CableError::Broken)
    }

    fn take(&self, message: &Message) -> Step {
        let text = match message {
            Message::Text(text) => text.as_str(),
            Message::Close(_) => return Step::Ended(CableError::Closed),
            Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {
                return Step::Nothing;
            }
        };
        let Ok(frame) = serde_json::from_str::<Frame>(text) else {
            debug!(bytes = text.len(), "Chatwoot's websocket sent what is no frame");
            return Step::Nothing;
        };
        match frame.kind.as_deref() {
            Some("welcome") => Step::Welcome,
            Some("confirm_subscription") => Step::Confirmed,
            Some("reject_subscription") => Step::Ended(CableError::Refused),
            Some("disconnect") => Step::Ended(CableError::Closed),
            Some(_) => Step::Nothing,
            None => {
                self.tell(&frame.message);
                Step::Nothing
            }
        }
    }

    fn tell(&self, message: &Value) {
        let Ok(Envelope { event, data }) = Envelope::deserialize(message) else {
            return;
        };
        let news = if event == "presence.update" { self.presence(&data) } else { self.event(&event, &data) };
        if let Some(news) = news
            && self.news.try_send(news).is_err()
        {
            debug!("News from Chatwoot's websocket was dropped: nobody takes it fast enough");
        }
    }

    fn presence(&self, data: &Value) -> Option<CableNews> {
        // A report that makes no sense is not one of absences.
        let report = PresenceData::deserialize(data)
            .map_err(Nonsense::from)
            .inspect_err(|error| debug!(%error, "Chatwoot's report of presence makes no sense"))
            .ok()
            .filter(|report| report.account_id == self.client.account_id())?;
        Some(CableNews::Presence(PresenceReport { online: report.users, at: self.clock.now() }))
    }

    fn event(&self, event: &str, data: &Value) -> Option<CableNews> {
        let event = parse_cable(event, data)
            .map_err(Nonsense::from)
            .inspect_err(|error| debug!(%error, "An event of Chatwoot's websocket makes no sense"))
            .ok()?;
        let is_ours = event.account_id().is_none_or(|account| account == self.client.account_id());
        (is_ours && !matches!(event, ChatwootEvent::Other(_))).then_some(CableNews::Event(event))
    }
}

fn presence_request(identifier: &str) -> Value {
    json!({"command": "message", "identifier": identifier, "data": "{\"action\":\"update_presence\"}"})
}

/// `wss://…/cable` beside Chatwoot's pages.
fn cable_url(base: &Url) -> Option<Url> {
    let mut url = base.clone();
    let scheme = if base.scheme() == "http" { "ws" } else { "wss" };
    url.set_scheme(scheme).ok()?;
    url.set_query(None);
    url.path_segments_mut().ok()?.pop_if_empty().push("cable");
    Some(url)
}

#[cfg(test)]
#[path = "cable_tests.rs"]
mod tests;
