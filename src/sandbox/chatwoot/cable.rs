//! ActionCable at `/cable`: welcome, pings, subscriptions to `RoomChannel`, presence and events (contract 7.4).

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::{HeaderValue, SEC_WEBSOCKET_PROTOCOL};
use actix_web::{HttpRequest, HttpResponse, web};
use actix_ws::{Message, MessageStream, Session};
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::happenings::Broadcast;
use super::presence;
use super::shared::Shared;
use super::switches::State;

/// How often the server says it is there.
const PING_EVERY: Duration = Duration::from_secs(3);

/// What is spoken on the cable.
const SUBPROTOCOL: &str = "actioncable-v1-json";

/// One subscription: its identifier, byte for byte, and its user.
type Subscription = (String, i64);

/// A connection and what it has subscribed to.
struct Cable {
    shared: Arc<Shared>,
    session: Session,
    subscriptions: Vec<Subscription>,
}

/// Opens a cable.
pub(super) fn open(
    request: &HttpRequest,
    payload: web::Payload,
    shared: Arc<Shared>,
) -> actix_web::Result<HttpResponse> {
    let (mut response, session, frames) = actix_ws::handle(request, payload)?;
    let asked = request.headers().get(SEC_WEBSOCKET_PROTOCOL).and_then(|asked| asked.to_str().ok());
    if asked.is_some_and(|asked| asked.split(',').any(|one| one.trim() == SUBPROTOCOL)) {
        let spoken = HeaderValue::from_static(SUBPROTOCOL);
        response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, spoken);
    }
    let events = shared.broadcasts.subscribe();
    let cable = Cable { shared, session, subscriptions: Vec::new() };
    actix_web::rt::spawn(cable.serve(frames, events));
    Ok(response)
}

impl Cable {
    async fn serve(mut self, mut frames: MessageStream, mut events: Receiver<Broadcast>) {
        let mut pings = tokio::time::interval(PING_EVERY);
        pings.reset();
        let mut changes = self.shared.changes.subscribe();
        if self.send(&json!({ "type": "welcome" })).await.is_err() {
            return;
        }
        loop {
            let goes_on = tokio::select! {
                frame = frames.next() => self.hear(frame.and_then(Result::ok)).await,
                event = events.recv() => self.pass_on(event).await,
                _ = pings.tick() => {
                    let now = self.shared.clock.now().timestamp();
                    self.send(&json!({ "type": "ping", "message": now })).await
                }
                Ok(()) = changes.changed() => self.still_up(),
            };
            if goes_on.is_err() {
                break;
            }
        }
        let _already_closed = self.session.close(None).await;
    }

    /// A server that goes down takes its cables along.
    fn still_up(&self) -> Result<(), actix_ws::Closed> {
        let is_down = self.shared.switches(|switches| switches.state) == State::Down;
        if is_down { Err(actix_ws::Closed) } else { Ok(()) }
    }

    async fn send(&mut self, frame: &Value) -> Result<(), actix_ws::Closed> {
        self.session.text(frame.to_string()).await
    }

    async fn hear(&mut self, frame: Option<Message>) -> Result<(), actix_ws::Closed> {
        match frame {
            Some(Message::Text(text)) => {
                let command: Value = serde_json::from_str(&text).unwrap_or_default();
                self.obey(&command).await
            }
            Some(Message::Ping(bytes)) => self.session.pong(&bytes).await,
            Some(Message::Close(_)) | None => Err(actix_ws::Closed),
            Some(Message::Binary(_) | Message::Continuation(_) | Message::Pong(_) | Message::Nop) => Ok(()),
        }
    }

    async fn obey(&mut self, command: &Value) -> Result<(), actix_ws::Closed> {
        let identifier = command.get("identifier").and_then(Value::as_str).unwrap_or_default().to_owned();
        let known = self.subscriptions.iter().find(|(own, _)| *own == identifier).map(|(_, user)| *user);
        match (command.get("command").and_then(Value::as_str), known) {
            (Some("subscribe"), None) => {
                let Some(user) = self.user_of(&identifier) else {
                    return Ok(());
                }; // silence, as in Chatwoot
                self.subscriptions.push((identifier.clone(), user));
                self.send(&json!({ "identifier": identifier, "type": "confirm_subscription" })).await?;
                self.update_presence(&identifier, user).await
            }
            (Some("unsubscribe"), Some(_)) => {
                self.subscriptions.retain(|(own, _)| *own != identifier);
                Ok(())
            }
            (Some("message"), Some(user)) => {
                let data = command.get("data").and_then(Value::as_str).unwrap_or_default();
                let data: Value = serde_json::from_str(data).unwrap_or_default();
                if data.get("action").and_then(Value::as_str) == Some("update_presence") {
                    self.update_presence(&identifier, user).await?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The user an identifier names, if its token is that user's.
    fn user_of(&self, identifier: &str) -> Option<i64> {
        let asked: Value = serde_json::from_str(identifier).ok()?;
        let (token, user) = (asked.get("pubsub_token")?.as_str()?, asked.get("user_id")?.as_i64()?);
        let is_room = asked.get("channel")?.as_str()? == "RoomChannel";
        self.shared.look(|world| {
            let own = world.users.get(&user).filter(|own| own.pubsub_token == token)?;
            (is_room && asked.get("account_id")?.as_i64()? == world.account_id).then_some(own.id)
        })
    }

    async fn update_presence(&mut self, identifier: &str, user: i64) -> Result<(), actix_ws::Closed> {
        let data = self.shared.run(|world| {
            presence::ping(world, user);
            json!({ "account_id": world.account_id, "users": presence::on_cable(world), "contacts": {} })
        });
        let message = json!({ "event": "presence.update", "data": data });
        self.send(&json!({ "identifier": identifier, "message": message })).await
    }

    /// Passes an event on to the subscriptions it is meant for. Who falls behind misses some: there is no replay.
    async fn pass_on(&mut self, event: Result<Broadcast, RecvError>) -> Result<(), actix_ws::Closed> {
        let event = match event {
            Ok(event) => event,
            Err(RecvError::Lagged(_)) => return Ok(()),
            Err(RecvError::Closed) => return Err(actix_ws::Closed),
        };
        for (identifier, user) in self.subscriptions.clone() {
            if event.users.as_ref().is_none_or(|users| users.contains(&user)) {
                self.send(&json!({ "identifier": identifier, "message": event.message })).await?;
            }
        }
        Ok(())
    }
}
