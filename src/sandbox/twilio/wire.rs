//! Carries webhooks to the service: form, signature, deadlines, retries (contract 4.1).

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::schema::Context;
use super::signature::sign;

/// Longest any webhook may take, whatever its overrides say. Source: contract 4.1.
const TOTAL_MS_MAX: u64 = 15_000;

/// Largest reply read, in bytes: enough to see that a document is too large, and for sound files.
const REPLY_BYTES_MAX: usize = 8 * 1024 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Post,
}

impl Method {
    pub(super) fn named(name: Option<&str>) -> Self {
        if name == Some("GET") { Self::Get } else { Self::Post }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// A URL of the service, fragment included, and how to call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) url: String,
    pub(super) method: Method,
}

/// What a reply is for.
#[derive(Debug, Clone)]
pub(super) enum Purpose {
    /// A document the call runs next.
    Document { call: String, epoch: u64, context: Context, fallback: bool },
    /// A document that is asked for, but not run: the call is over.
    Ignored { context: Context },
    /// A sound the call plays next.
    Sound { call: String, epoch: u64, loops: u64 },
    /// News; the reply is not run.
    News,
}

/// One request to the service, with everything that is needed to send it.
#[derive(Debug, Clone)]
pub(super) struct Exchange {
    pub(super) target: Target,
    pub(super) params: Vec<(String, String)>,
    pub(super) token: String,
    pub(super) purpose: Purpose,
    pub(super) kind: &'static str,
}

/// A webhook as it was sent, for the judge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// When, in the stand-in's time.
    pub at: DateTime<Utc>,
    /// Which kind: the name of the contract's sample, or of its family.
    pub kind: &'static str,
    /// `GET` or `POST`.
    pub method: &'static str,
    /// The URL without its fragment, as signed.
    pub url: String,
    /// The form's parameters, in the order sent.
    pub params: Vec<(String, String)>,
    /// `I-Twilio-Idempotency-Token`.
    pub token: String,
    /// Requests made, retries included; 0 when no connection was tried.
    pub attempts: u32,
    /// The HTTP status of the last reply, or Twilio's error code for having none.
    pub result: Result<u16, u32>,
}

#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) content_type: String,
    pub(super) body: Vec<u8>,
}

/// Why there is no reply, as Twilio numbers it.
#[derive(Debug, Clone)]
pub(super) struct NoReply {
    pub(super) code: u32,
    pub(super) message: String,
}

pub(super) type Outcome = Result<Reply, NoReply>;

/// Connection overrides of a URL's fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Overrides {
    pub(super) connect_ms: u64,
    pub(super) read_ms: u64,
    pub(super) total_ms: u64,
    pub(super) retries: u32,
    pub(super) on: Vec<String>,
}

impl Overrides {
    /// Splits a URL into what is sent and signed, and what its fragment asks for.
    ///
    /// # Errors
    ///
    /// When the fragment holds a key or value Twilio does not know.
    pub(super) fn split(url: &str) -> Result<(String, Self), String> {
        let mut asked =
            Self { connect_ms: 5000, read_ms: 15_000, total_ms: TOTAL_MS_MAX, retries: 1, on: vec!["ct".to_owned()] };
        let Some((address, fragment)) = url.split_once('#') else {
            return Ok((url.to_owned(), asked));
        };
        for pair in fragment.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').ok_or_else(|| format!("override {pair} has no value"))?;
            match key {
                "ct" => asked.connect_ms = within(value, 100, 10_000)?,
                "rt" => asked.read_ms = within(value, 100, 15_000)?,
                "tt" => asked.total_ms = within(value, 100, TOTAL_MS_MAX)?,
                "rc" => asked.retries = u32::try_from(within(value, 0, 5)?).unwrap_or(5),
                "rp" => {
                    asked.on = value.split(',').map(str::to_owned).collect();
                    if !asked.on.iter().all(|policy| matches!(policy.as_str(), "4xx" | "5xx" | "ct" | "rt" | "all")) {
                        return Err(format!("retry policy {value} is unknown"));
                    }
                }
                "e" | "sni" => {}
                _ => return Err(format!("override {key} is unknown")),
            }
        }
        Ok((address.to_owned(), asked))
    }

    fn retries_on(&self, policy: &str) -> bool {
        self.on.iter().any(|wanted| wanted == policy || wanted == "all")
    }
}

fn within(value: &str, min: u64, max: u64) -> Result<u64, String> {
    let number: u64 = value.parse().map_err(|_| format!("override value {value} is not a number"))?;
    if (min..=max).contains(&number) {
        Ok(number)
    } else {
        Err(format!("override value {value} is not {min} to {max}"))
    }
}

pub(super) fn encode(params: &[(String, String)]) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in params {
        form.append_pair(name, value);
    }
    form.finish()
}

/// Sends an exchange, with retries. Says how often it was tried and what came of it.
pub(super) async fn send(client: &reqwest::Client, auth_token: &str, exchange: &Exchange) -> (u32, Outcome) {
    let (address, overrides) = match Overrides::split(&exchange.target.url) {
        Ok(parts) => parts,
        Err(message) => {
            return (0, Err(NoReply { code: 11100, message }));
        }
    };
    let total = Duration::from_millis(overrides.total_ms);
    let attempts = std::sync::atomic::AtomicU32::new(0);
    let counted = &attempts;
    let trying = async move {
        loop {
            let tried = counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let outcome = attempt(client, auth_token, &address, exchange, &overrides).await;
            let policy = match &outcome {
                Ok(reply) if (400..500).contains(&reply.status) => "4xx",
                Ok(reply) if reply.status >= 500 => "5xx",
                Err(failure) if failure.code == 11205 => "ct",
                Err(failure) if failure.code == 11203 => "rt",
                _ => return outcome,
            };
            if tried >= overrides.retries || !overrides.retries_on(policy) {
                return outcome;
            }
        }
    };
    let outcome = tokio::time::timeout(total, trying)
        .await
        .unwrap_or_else(|_| Err(NoReply { code: 11203, message: "the whole request took too long".to_owned() }));
    (attempts.load(std::sync::atomic::Ordering::SeqCst), outcome)
}

async fn attempt(
    client: &reqwest::Client,
    auth_token: &str,
    address: &str,
    exchange: &Exchange,
    overrides: &Overrides,
) -> Outcome {
    let request = match (&exchange.purpose, exchange.target.method) {
        (Purpose::Sound { .. }, _) => client.get(address).header("X-Twilio-Signature", sign(auth_token, address, &[])),
        (_, Method::Post) => client
            .post(address)
            .header("X-Twilio-Signature", sign(auth_token, address, &exchange.params))
            .header("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
            .body(encode(&exchange.params)),
        (_, Method::Get) => {
            let joint = if address.contains('?') { '&' } else { '?' };
            let whole = format!("{address}{joint}{}", encode(&exchange.params));
            let signature = sign(auth_token, &whole, &[]);
            client.get(whole).header("X-Twilio-Signature", signature)
        }
    };
    let request = request.header("I-Twilio-Idempotency-Token", &exchange.token).header("User-Agent", "TwilioProxy/1.1");
    // A connection on the loopback takes no time, so `ct` is never what ends the wait (contract 4.1).
    let waiting = Duration::from_millis(overrides.read_ms);
    let reading = async {
        let mut reply = request.send().await?;
        let status = reply.status().as_u16();
        let header = reply.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let content_type = header.to_owned();
        let mut body = Vec::new();
        while let Some(part) = reply.chunk().await? {
            body.extend_from_slice(&part);
            if body.len() > REPLY_BYTES_MAX {
                break;
            }
        }
        Ok::<Reply, reqwest::Error>(Reply { status, content_type, body })
    };
    match tokio::time::timeout(waiting, reading).await {
        Ok(Ok(reply)) => Ok(reply),
        Ok(Err(cause)) => {
            let code = if cause.is_connect() {
                11205
            } else if cause.is_redirect() {
                11215
            } else {
                11206
            };
            Err(NoReply { code, message: cause.to_string() })
        }
        Err(_) => Err(NoReply { code: 11203, message: "no answer in time".to_owned() }),
    }
}
