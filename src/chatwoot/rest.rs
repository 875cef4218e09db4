//! How we ask Chatwoot: one door for every request, with its limits, and what each answer means.
//!
//! The requests themselves are in the files by subject: contacts, conversations, messages, agents, inboxes,
//! registration. All are functions of [`ChatwootClient`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use reqwest::multipart::Form;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::error::ChatwootError;

/// Longest reply read. The longest honest one is `updated_within` of a busy account, some 5 kB a conversation.
pub const REPLY_MAX_BYTES: usize = 8 * 1024 * 1024;

/// Longest body of a refusal read, and the longest sentence of it kept.
const REFUSAL_MAX_BYTES: usize = 16 * 1024;
const DETAIL_MAX_CHARS: usize = 200;

/// Wait after a 429 without `Retry-After`: Chatwoot's limiter counts by the minute. Source: contract 1.7.
const SLOW_DOWN_DEFAULT: Duration = Duration::from_secs(60);
/// Longest wait a `Retry-After` may ask of us.
const SLOW_DOWN_MAX: Duration = Duration::from_secs(3_600);

/// So many failures in a row mean that Chatwoot does not answer.
const FAILURES_MAX: u32 = 3;

/// Longest wait for a connection; the whole request has the longer limit of the settings.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Where Chatwoot is and who we are there.
#[derive(Debug, Clone)]
pub struct ChatwootSettings {
    /// Its address, such as `https://chat.example.com`; a path before `/api` is kept.
    pub base_url: Url,
    /// The account we work in.
    pub account_id: i64,
    /// Access token of the service user, an administrator. Source: contract 11.11.
    pub token: SecretString,
    /// Longest wait for one whole answer.
    pub timeout: Duration,
}

/// An HTTP client fit for Chatwoot: it follows no redirects and heeds no proxy of the environment (THREATS.md T-31).
///
/// # Errors
/// When the TLS set-up of the machine cannot be used.
pub fn http_client() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(Duration::from_secs(30))
        .user_agent("Offhook")
        .build()
}

/// Asks Chatwoot, as the service user. Cheap to clone.
#[derive(Clone)]
pub struct ChatwootClient {
    settings: Arc<ChatwootSettings>,
    http: reqwest::Client,
    /// Failures in a row, of all its clones together.
    failures: Arc<AtomicU32>,
}

impl std::fmt::Debug for ChatwootClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChatwootClient").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// What a request carries.
pub(super) enum Body {
    Nothing,
    Json(Value),
    Parts(Form),
}

/// One request in preparation.
pub(super) struct Ask<'c> {
    client: &'c ChatwootClient,
    attempt: &'static str,
    method: Method,
    url: Url,
    body: Body,
}

impl ChatwootClient {
    /// Ready to ask. `http` should come from [`http_client`]; one made otherwise must not follow redirects.
    #[must_use]
    pub fn new(settings: ChatwootSettings, http: reqwest::Client) -> Self {
        Self { settings: Arc::new(settings), http, failures: Arc::default() }
    }

    /// Whether Chatwoot does what it is asked, by the last few requests: it is out of reach, fails, has us wait or refuses
    /// our token otherwise. True before the first.
    #[must_use]
    pub fn is_answering(&self) -> bool {
        self.failures.load(Ordering::Relaxed) < FAILURES_MAX
    }

    fn note<T>(&self, answer: &Result<T, ChatwootError>) {
        match answer {
            Err(error) if error.is_transient() || matches!(error, ChatwootError::Unauthorised { .. }) => {
                // Below the largest number, which would begin again.
                let more = |failures: u32| Some(failures.saturating_add(1));
                let _always = self.failures.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
            }
            _ => self.failures.store(0, Ordering::Relaxed),
        }
    }

    /// The account all requests are about.
    #[must_use]
    pub fn account_id(&self) -> i64 {
        self.settings.account_id
    }

    /// Where Chatwoot is.
    #[must_use]
    pub fn base_url(&self) -> &Url {
        &self.settings.base_url
    }

    /// Where people read a conversation. Source: contract 4.8.
    #[must_use]
    pub fn conversation_url(&self, conversation_id: i64) -> Url {
        self.url(&format!("app/accounts/{}/conversations/{conversation_id}", self.account_id()))
    }

    /// Prepares a request below the account. `path` is of our own making: words and numbers.
    pub(super) fn ask(&self, attempt: &'static str, method: Method, path: &str) -> Ask<'_> {
        let path = format!("api/v1/accounts/{}/{path}", self.account_id());
        Ask { client: self, attempt, method, url: self.url(&path), body: Body::Nothing }
    }

    /// Prepares a request outside the account.
    pub(super) fn ask_outside(&self, attempt: &'static str, method: Method, path: &str) -> Ask<'_> {
        Ask { client: self, attempt, method, url: self.url(path), body: Body::Nothing }
    }

    /// Refuses what belongs to another account. Source: THREATS.md T-32.
    pub(super) fn expect_own(&self, attempt: &'static str, account_id: Option<i64>) -> Result<(), ChatwootError> {
        match account_id {
            Some(got) if got != self.account_id() => Err(ChatwootError::WrongAccount { attempt, got }),
            _ => Ok(()),
        }
    }

    fn url(&self, path: &str) -> Url {
        let mut url = self.settings.base_url.clone();
        url.set_query(None);
        url.set_fragment(None);
        // Only an address such as `mailto:` has no segments; sending to it fails as unsendable.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path.split('/'));
        }
        url
    }
}

impl Ask<'_> {
    /// Adds to the query; the value is encoded, `+` included.
    pub(super) fn query(mut self, name: &str, value: &str) -> Self {
        self.url.query_pairs_mut().append_pair(name, value);
        self
    }

    pub(super) fn json(mut self, body: Value) -> Self {
        self.body = Body::Json(body);
        self
    }

    pub(super) fn body(mut self, body: Body) -> Self {
        self.body = body;
        self
    }

    /// Sends, and reads the answer as `T`.
    pub(super) async fn answer<T: DeserializeOwned>(self) -> Result<T, ChatwootError> {
        let attempt = self.attempt;
        let reply = self.send().await?;
        let bytes = read_whole(attempt, reply, REPLY_MAX_BYTES).await?;
        serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_slice(&bytes))
            .map_err(|error| ChatwootError::Malformed { attempt, source: error.into() })
    }

    /// Sends, and looks at the status only: some answers have no body (contract 4.6).
    pub(super) async fn done(self) -> Result<(), ChatwootError> {
        self.send().await.map(drop)
    }

    /// Sends; a missing object is `None`.
    pub(super) async fn answer_if_found<T: DeserializeOwned>(self) -> Result<Option<T>, ChatwootError> {
        match self.answer().await {
            Ok(found) => Ok(Some(found)),
            Err(ChatwootError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn send(self) -> Result<Response, ChatwootError> {
        let client = self.client;
        let answer = self.send_once().await;
        client.note(&answer);
        answer
    }

    async fn send_once(self) -> Result<Response, ChatwootError> {
        let Self { client, attempt, method, url, body } = self;
        let request: RequestBuilder = client
            .http
            .request(method, url)
            .timeout(client.settings.timeout)
            // Hyphens: proxies drop names with underscores. Source: contract 1.1.
            .header("api-access-token", client.settings.token.expose_secret())
            .header("accept", "application/json");
        let request = match body {
            Body::Nothing => request,
            Body::Json(json) => request.json(&json),
            Body::Parts(form) => request.multipart(form),
        };
        let reply = request.send().await.map_err(|error| unsent(attempt, error))?;
        if reply.status().is_success() { Ok(reply) } else { Err(refusal(attempt, reply).await) }
    }
}

/// What a failure to send means. Addresses are left out of it: a query may hold a caller's number.
fn unsent(attempt: &'static str, error: reqwest::Error) -> ChatwootError {
    let source = error.without_url();
    if source.is_builder() {
        ChatwootError::Unsendable { attempt, source }
    } else if source.is_connect() {
        ChatwootError::Unreachable { attempt, source }
    } else {
        ChatwootError::UnknownResult { attempt, source }
    }
}

/// What an answer other than 2xx means. Source: contract 1.6.
async fn refusal(attempt: &'static str, reply: Response) -> ChatwootError {
    let status = reply.status();
    match status {
        StatusCode::UNAUTHORIZED => ChatwootError::Unauthorised { attempt },
        StatusCode::NOT_FOUND => ChatwootError::NotFound { attempt },
        StatusCode::TOO_MANY_REQUESTS => {
            let asked = reply.headers().get("retry-after").and_then(|value| value.to_str().ok()?.trim().parse().ok());
            let retry_after = asked.map_or(SLOW_DOWN_DEFAULT, Duration::from_secs).min(SLOW_DOWN_MAX);
            ChatwootError::SlowDown { attempt, retry_after }
        }
        _ if status.is_server_error() => ChatwootError::Failing { attempt, status: status.as_u16() },
        _ => {
            let bytes = read_whole(attempt, reply, REFUSAL_MAX_BYTES).await.unwrap_or_default();
            let (detail, attributes) = objections(&bytes);
            ChatwootError::Refused { attempt, status: status.as_u16(), detail, attributes }
        }
    }
}

#[derive(Deserialize, Default)]
struct Objections {
    #[serde(default)]
    error: Option<Value>,
    #[serde(default)]
    message: Option<Value>,
    #[serde(default)]
    attributes: Vec<String>,
}

/// Chatwoot's sentence and the fields it names; the sentence is empty when the body is no refusal of Chatwoot's.
fn objections(bytes: &[u8]) -> (String, Vec<String>) {
    let said: Objections = serde_json::from_slice(bytes).unwrap_or_default();
    let sentence = [said.message, said.error].into_iter().flatten().find_map(|value| value.as_str().map(str::to_owned));
    let sentence = sentence.unwrap_or_else(|| "without a reason".to_owned());
    (sentence.chars().filter(|c| !c.is_control()).take(DETAIL_MAX_CHARS).collect(), said.attributes)
}

async fn read_whole(attempt: &'static str, mut reply: Response, limit: usize) -> Result<Vec<u8>, ChatwootError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = reply.chunk().await.map_err(|error| unsent(attempt, error))? {
        if bytes.len() + chunk.len() > limit {
            return Err(ChatwootError::TooLarge { attempt, limit });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// A list under `payload`.
#[derive(Deserialize)]
pub(super) struct Payload<T> {
    pub(super) payload: T,
}

#[cfg(test)]
#[path = "rest_tests.rs"]
mod tests;
