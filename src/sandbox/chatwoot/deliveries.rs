//! Sends webhooks: once each, signed, without a second try (contract 6.1, 6.5).

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::sync::mpsc::UnboundedReceiver;

use super::happenings::Post;
use super::shared::{Shared, lock};

/// Chatwoot's `WEBHOOK_TIMEOUT`.
const TIMEOUT: Duration = Duration::from_secs(5);

/// One webhook that was sent.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// When it was sent, by the injected clock.
    pub at: DateTime<Utc>,
    /// Where to.
    pub url: String,
    /// The event in its body.
    pub event: String,
    /// Its `X-Chatwoot-Delivery`; posts of macros and automation rules have none.
    pub id: Option<String>,
    /// The body, byte for byte.
    pub body: String,
    /// What the receiver answered; none if nothing came in time.
    pub status: Option<u16>,
}

/// Sends what comes, each on its own, so that one slow receiver holds up nobody: order is not kept, as in Chatwoot.
pub(super) async fn send_all(shared: Arc<Shared>, client: reqwest::Client, mut posts: UnboundedReceiver<Post>) {
    while let Some(post) = posts.recv().await {
        tokio::spawn(send(Arc::clone(&shared), client.clone(), post));
    }
}

async fn send(shared: Arc<Shared>, client: reqwest::Client, post: Post) {
    let at = shared.clock.now();
    let mut request = client.post(&post.url).timeout(TIMEOUT);
    request = request.header("Content-Type", "application/json").header("Accept", "application/json");
    request = request.header("User-Agent", "Ruby");
    let id = post.secret.is_some().then(|| shared.look(super::world::World::draw_uuid));
    if let (Some(id), Some(secret)) = (&id, &post.secret) {
        let timestamp = at.timestamp().to_string();
        request = request.header("X-Chatwoot-Delivery", id);
        request = request.header("X-Chatwoot-Signature", signature(secret, &timestamp, &post.body));
        request = request.header("X-Chatwoot-Timestamp", timestamp);
    }
    let answer = request.body(post.body.clone()).send().await;
    let status = answer.ok().map(|answer| answer.status().as_u16());
    let delivery = Delivery { at, url: post.url, event: post.event, id, body: post.body, status };
    lock(&shared.deliveries).push(delivery);
    shared.touch();
}

/// The signature header: HMAC-SHA256 over the timestamp, a dot and the body.
pub(super) fn signature(secret: &str, timestamp: &str, body: &str) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return String::new();
    };
    mac.update(timestamp.as_bytes());
    mac.update(b".");
    mac.update(body.as_bytes());
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}
