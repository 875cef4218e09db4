//! The door for Chatwoot's webhooks: HMAC over the raw body, five minutes, each delivery once.
//!
//! Chatwoot sends a webhook once and drops it on any failure, so whatever is learnt here is also learnt by polling.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use async_trait::async_trait;
use secrecy::SecretString;

use super::payload::ChatwootEvent;
use super::webhook::{self, Delivery};
use crate::clock::Clock;
use crate::store::Store;
use crate::telemetry::{Chain, metric};

/// Where the door is.
pub const PATH: &str = "/chatwoot/webhook";

/// Hears what Chatwoot tells, at this door or over the websocket.
///
/// Both carry the same events, since there are networks where signed webhooks cannot arrive. Those of the websocket have no
/// delivery id; act on them by message or conversation id.
#[async_trait]
pub trait EventSink: Send + Sync {
    /// Something happened.
    async fn event(&self, event: ChatwootEvent);
}

/// What the door needs.
pub struct ChatwootDoor {
    /// Secrets of the webhooks that point here; any of them may have signed.
    pub secrets: Vec<SecretString>,
    /// The account whose events are taken.
    pub account_id: i64,
    /// Remembers deliveries.
    pub store: Arc<dyn Store>,
    /// Now.
    pub clock: Arc<dyn Clock>,
    /// Where events go.
    pub events: Arc<dyn EventSink>,
}

/// `POST /chatwoot/webhook`.
pub async fn receive(request: HttpRequest, body: web::Bytes, door: web::Data<ChatwootDoor>) -> HttpResponse {
    let header = |name: &'static str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let now = door.clock.now();
    let delivery = match webhook::receive(header, &body, &door.secrets, door.account_id, now) {
        Ok(delivery) => delivery,
        Err(error) if error.is_forged() => {
            metrics::counter!(metric::SIGNATURES_REFUSED, "door" => PATH).increment(1);
            tracing::warn!(error = %Chain(&error), "a Chatwoot webhook was refused");
            return HttpResponse::Forbidden().finish();
        }
        Err(error) => {
            tracing::warn!(error = %Chain(&error), "a signed Chatwoot webhook makes no sense");
            return HttpResponse::NoContent().finish();
        }
    };
    take(&door, delivery).await
}

async fn take(door: &ChatwootDoor, delivery: Delivery) -> HttpResponse {
    match door.store.note_delivery(&delivery.id, door.clock.now()).await {
        Ok(true) => {
            door.events.event(delivery.event).await;
            HttpResponse::NoContent().finish()
        }
        Ok(false) => HttpResponse::NoContent().finish(),
        Err(error) => {
            tracing::warn!(error = %Chain(&error), "a Chatwoot webhook could not be kept");
            HttpResponse::ServiceUnavailable().finish()
        }
    }
}
