//! A delivery from Chatwoot: verified first, read second.
//!
//! A webhook is a hint. Chatwoot sends it once, in no order, and may send it twice (contract 6.5): whoever acts on one
//! remembers its [`Delivery::id`], asks Chatwoot for the object where it matters, and learns the same by polling.

use chrono::{DateTime, Utc};
use secrecy::SecretString;

use super::nonsense::Nonsense;
use super::payload::{ChatwootEvent, parse_webhook};
use super::signature::{SignatureError, verify};

/// Longest delivery id kept; Chatwoot sends a UUID of 36 letters.
const DELIVERY_ID_MAX: usize = 64;

/// One believed delivery.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Chatwoot's id of it, the same when it is repeated. Source: contract 6.1.
    pub id: String,
    /// When it was signed, to the second.
    pub sent_at: DateTime<Utc>,
    /// What it says.
    pub event: ChatwootEvent,
}

/// Why a delivery was put aside.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// A header is missing or no text. Answer 401.
    #[error("the delivery has no usable header {0}")]
    NoHeader(&'static str),
    /// Not signed by our Chatwoot, or not now. Answer 401.
    #[error("the delivery is not believed")]
    NotBelieved(#[source] SignatureError),
    /// Believed, but not what the contract says. Answer 200: Chatwoot would not send it again anyway.
    #[error("the delivery makes no sense")]
    Malformed(#[source] Nonsense),
    /// Believed, but about another account than the one of this address. Answer 200 and do nothing.
    #[error("the delivery is about account {0}, not ours")]
    OtherAccount(i64),
}

impl WebhookError {
    /// Whether it deserves a 401 rather than a 200.
    #[must_use]
    pub fn is_forged(&self) -> bool {
        matches!(self, Self::NoHeader(_) | Self::NotBelieved(_))
    }
}

/// Verifies and reads a delivery. `header` finds a request header by its lower-case name; `account_id` is the account
/// the address was registered for. The caller has limited the body.
///
/// # Errors
/// [`WebhookError`]; ask [`WebhookError::is_forged`] for what to answer.
pub fn receive<'h>(
    header: impl Fn(&'static str) -> Option<&'h str>,
    body: &[u8],
    secrets: &[SecretString],
    account_id: i64,
    now: DateTime<Utc>,
) -> Result<Delivery, WebhookError> {
    let find = |name| header(name).ok_or(WebhookError::NoHeader(name));
    let timestamp = find("x-chatwoot-timestamp")?;
    let signature = find("x-chatwoot-signature")?;
    let sent_at = verify(secrets, timestamp, signature, body, now).map_err(WebhookError::NotBelieved)?;
    let id = find("x-chatwoot-delivery")?;
    if id.is_empty() || id.len() > DELIVERY_ID_MAX {
        return Err(WebhookError::NoHeader("x-chatwoot-delivery"));
    }
    let event = parse_webhook(body).map_err(|error| WebhookError::Malformed(error.into()))?;
    match event.account_id() {
        Some(other) if other != account_id => Err(WebhookError::OtherAccount(other)),
        _ => Ok(Delivery { id: id.to_owned(), sent_at, event }),
    }
}

#[cfg(test)]
mod tests {
    use hmac::{Hmac, KeyInit, Mac};

    use super::*;

    const NOW: i64 = 1_780_322_461;

    fn deliver(body: &str, delivery: Option<&'static str>, account_id: i64) -> Result<Delivery, WebhookError> {
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(b"knows").unwrap();
        mac.update(format!("{NOW}.{body}").as_bytes());
        let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
        let timestamp = NOW.to_string();
        let header = |name| match name {
            "x-chatwoot-timestamp" => Some(timestamp.as_str()),
            "x-chatwoot-signature" => Some(signature.as_str()),
            _ => delivery,
        };
        let now = DateTime::from_timestamp(NOW, 0).unwrap();
        receive(header, body.as_bytes(), &["knows".into()], account_id, now)
    }

    const NOTE: &str = include_str!("../../tests/fixtures/contracts/chatwoot/webhook.message_created.agent_note.json");

    #[test]
    fn a_signed_note_arrives_with_its_delivery_id() {
        let delivery = deliver(NOTE, Some("0d0f3a9e"), 1).unwrap();
        assert_eq!(delivery.id, "0d0f3a9e");
        assert_eq!(delivery.sent_at.timestamp(), NOW);
        assert!(matches!(delivery.event, ChatwootEvent::MessageCreated(_)));
    }

    #[test]
    fn a_delivery_for_another_account_is_believed_and_put_aside() {
        let refused = deliver(NOTE, Some("0d0f3a9e"), 2).unwrap_err();
        assert!(matches!(refused, WebhookError::OtherAccount(1)) && !refused.is_forged());
    }

    #[test]
    fn without_its_headers_nothing_is_believed() {
        for delivery in [None, Some("")] {
            assert!(deliver(NOTE, delivery, 1).unwrap_err().is_forged());
        }
        let now = DateTime::from_timestamp(NOW, 0).unwrap();
        let unsigned = receive(|_| None, NOTE.as_bytes(), &["knows".into()], 1, now);
        assert!(unsigned.unwrap_err().is_forged());
    }

    #[test]
    fn a_signed_body_that_makes_no_sense_is_an_error_and_no_panic() {
        for body in ["", "null", "[]", "{}", "{\"event\":1}", "{\"event\":\"message_created\",\"id\":\"x\"}"] {
            let refused = deliver(body, Some("d"), 1).unwrap_err();
            assert!(matches!(refused, WebhookError::Malformed(_)), "{body}");
            assert!(!refused.is_forged());
        }
    }
}
