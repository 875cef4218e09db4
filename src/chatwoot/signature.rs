//! Whether a webhook was sent by the Chatwoot that knows our secret.

use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// How far the sender's timestamp may lie from our clock, either way. Chatwoot keeps no replay window of its own; five
/// minutes is what contract 6.1 suggests.
pub const TOLERANCE: TimeDelta = TimeDelta::minutes(5);

/// Why a delivery is not believed. Nothing in it may be read then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The timestamp is not a number of seconds.
    #[error("the timestamp of the delivery is not a number of seconds")]
    NoTimestamp,
    /// The timestamp is more than [`TOLERANCE`] away from our clock: a replay, or a clock that is wrong.
    #[error("the delivery was signed {off_by_s} s away from our clock")]
    OutOfTime {
        /// Seconds it lies in our past; negative when it lies in our future.
        off_by_s: i64,
    },
    /// None of our secrets makes this signature.
    #[error("the signature of the delivery is none of ours")]
    Forged,
}

/// Checks `sha256=<hex>` over `timestamp.body` against each secret, in constant time for each.
///
/// `body` is what arrived, byte for byte; a document written anew has another signature. More than one secret is
/// accepted while one is being replaced, and for an inbox's own. Without secrets nothing passes.
/// Source: contracts/chatwoot.md 6.1.
///
/// # Errors
/// [`SignatureError`], and the caller answers 401 without reading the body.
pub fn verify(
    secrets: &[SecretString],
    timestamp: &str,
    signature: &str,
    body: &[u8],
    now: DateTime<Utc>,
) -> Result<DateTime<Utc>, SignatureError> {
    let is_number = (1..=12).contains(&timestamp.len()) && timestamp.bytes().all(|b| b.is_ascii_digit());
    let sent_at = is_number
        .then(|| timestamp.parse().ok())
        .flatten()
        .and_then(|seconds| DateTime::from_timestamp(seconds, 0))
        .ok_or(SignatureError::NoTimestamp)?;
    let claimed = signature
        .strip_prefix("sha256=")
        .filter(|digits| digits.len() == 64)
        .and_then(|digits| hex::decode(digits).ok())
        .ok_or(SignatureError::Forged)?;
    let mut is_ours = false;
    for secret in secrets.iter().filter(|secret| !secret.expose_secret().is_empty()) {
        let key = secret.expose_secret().as_bytes();
        let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|_| SignatureError::Forged)?;
        mac.update(timestamp.as_bytes());
        mac.update(b".");
        mac.update(body);
        is_ours |= mac.verify_slice(&claimed).is_ok();
    }
    if !is_ours {
        return Err(SignatureError::Forged);
    }
    // The clock is asked last: only a true sender learns that it is early or late.
    let off_by = now - sent_at;
    if off_by.abs() > TOLERANCE {
        return Err(SignatureError::OutOfTime { off_by_s: off_by.num_seconds() });
    }
    Ok(sent_at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    struct Vector {
        secret: SecretString,
        body: String,
        timestamp: String,
        signature: String,
    }

    fn vector() -> Vector {
        let text = include_str!("../../tests/fixtures/contracts/chatwoot/webhook.signature_vector.json");
        let json: serde_json::Value = serde_json::from_str(text).unwrap();
        let word = |pointer: &str| json.pointer(pointer).unwrap().as_str().unwrap().to_owned();
        Vector {
            secret: word("/secret").into(),
            body: word("/raw_body"),
            timestamp: word("/headers/X-Chatwoot-Timestamp"),
            signature: word("/headers/X-Chatwoot-Signature"),
        }
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn the_vector_of_the_contract_passes_with_any_of_several_secrets() {
        let v = vector();
        let secrets = ["older".into(), v.secret.clone()];
        let sent = verify(&secrets, &v.timestamp, &v.signature, v.body.as_bytes(), at(1_780_322_461));
        assert_eq!(sent, Ok(at(1_780_322_461)));
        let nobody = verify(&[], &v.timestamp, &v.signature, v.body.as_bytes(), at(1_780_322_461));
        assert_eq!(nobody, Err(SignatureError::Forged));
    }

    #[test]
    fn five_minutes_either_way_is_the_limit() {
        let v = vector();
        let judged = |now| verify(std::slice::from_ref(&v.secret), &v.timestamp, &v.signature, v.body.as_bytes(), now);
        let sent = at(1_780_322_461);
        for off in [TOLERANCE, -TOLERANCE] {
            assert!(judged(sent + off).is_ok());
        }
        let millisecond = TimeDelta::milliseconds(1);
        assert_eq!(judged(sent + TOLERANCE + millisecond), Err(SignatureError::OutOfTime { off_by_s: 300 }));
        assert_eq!(judged(sent - TOLERANCE - millisecond), Err(SignatureError::OutOfTime { off_by_s: -300 }));
    }

    #[test]
    fn malformed_headers_are_refused() {
        let v = vector();
        let secrets = [v.secret.clone()];
        let now = at(1_780_322_461);
        for timestamp in ["", "-1", "+1780322461", "1780322461.0", " 1780322461", "9999999999999"] {
            let judged = verify(&secrets, timestamp, &v.signature, v.body.as_bytes(), now);
            assert_eq!(judged, Err(SignatureError::NoTimestamp), "{timestamp:?}");
        }
        let bare = v.signature.trim_start_matches("sha256=");
        for signature in ["", "sha256=", bare, &v.signature[..70], &format!("{}00", v.signature)] {
            let judged = verify(&secrets, &v.timestamp, signature, v.body.as_bytes(), now);
            assert_eq!(judged, Err(SignatureError::Forged), "{signature:?}");
        }
    }

    proptest! {
        #[test]
        fn every_changed_bit_is_refused(bit in 0_usize..60 * 8) {
            let v = vector();
            let mut body = v.body.clone().into_bytes();
            body[bit / 8] ^= 1 << (bit % 8);
            let judged = verify(std::slice::from_ref(&v.secret), &v.timestamp, &v.signature, &body, at(1_780_322_461));
            prop_assert_eq!(judged, Err(SignatureError::Forged));
        }
    }
}
