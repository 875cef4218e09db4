//! A Chatwoot for the tests of this program's clients: answers what a test tells it, and remembers what it was asked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use url::Url;

use super::rest::{ChatwootClient, ChatwootSettings, http_client};

/// One request, as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// `GET /api/v1/profile?x=y`
    pub(crate) line: String,
    /// Header names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

/// What to answer. Status 0 closes the connection without a word.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: &'static str,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(body: &str) -> Self {
        Self { status: 200, headers: "content-type: application/json\r\n", body: body.to_owned() }
    }

    pub(crate) fn status(status: u16, body: &str) -> Self {
        Self { status, headers: "", body: body.to_owned() }
    }

    /// A body of the contract's samples.
    pub(crate) fn sample(name: &str) -> Self {
        let path = format!("{}/tests/fixtures/contracts/chatwoot/{name}.json", env!("CARGO_MANIFEST_DIR"));
        Self::json(&std::fs::read_to_string(path).unwrap())
    }
}

/// How the websocket behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CableManner {
    /// As contract 7.4 says.
    Proper,
    /// Welcomes and never confirms: what a wrong token gets.
    NeverConfirms,
    /// Confirms and falls silent, pings included.
    FallsSilent,
}

type Handler = Box<dyn Fn(&Asked) -> Answer + Send + Sync>;

struct Inner {
    handler: Mutex<Handler>,
    asked: Mutex<Vec<Asked>>,
    frames: Mutex<Vec<Value>>,
    manner: Mutex<CableManner>,
    presence: Mutex<Value>,
    push: broadcast::Sender<Value>,
}

/// The running fake; ends with the test's runtime.
#[derive(Clone)]
pub(crate) struct Fake {
    inner: Arc<Inner>,
    pub(crate) base_url: Url,
}

impl Fake {
    pub(crate) async fn start(handler: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let inner = Arc::new(Inner {
            handler: Mutex::new(Box::new(handler)),
            asked: Mutex::default(),
            frames: Mutex::default(),
            manner: Mutex::new(CableManner::Proper),
            presence: Mutex::new(serde_json::json!({})),
            push: broadcast::channel(16).0,
        });
        let shared = inner.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(shared.clone(), stream));
            }
        });
        Self { inner, base_url }
    }

    /// Gives these answers, one after the other; the last again and again.
    pub(crate) async fn answering(answers: impl IntoIterator<Item = Answer>) -> Self {
        let answers = Mutex::new(answers.into_iter().collect::<VecDeque<_>>());
        Self::start(move |_| {
            let mut answers = answers.lock().unwrap();
            if answers.len() > 1 { answers.pop_front().unwrap() } else { answers.front().cloned().unwrap() }
        })
        .await
    }

    pub(crate) fn client(&self) -> ChatwootClient {
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| {
            let _ = rustls::crypto::ring::default_provider().install_default();
        });
        let settings = ChatwootSettings {
            base_url: self.base_url.clone(),
            account_id: 1,
            token: "USERTOKEN".into(),
            timeout: Duration::from_secs(2),
        };
        ChatwootClient::new(settings, http_client().unwrap())
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.inner.asked.lock().unwrap().clone()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.line).collect()
    }

    /// Frames the websocket was sent.
    pub(crate) fn frames(&self) -> Vec<Value> {
        self.inner.frames.lock().unwrap().clone()
    }

    pub(crate) fn behave(&self, manner: CableManner) {
        *self.inner.manner.lock().unwrap() = manner;
    }

    /// Answers requests otherwise from now on.
    pub(crate) fn answer_with(&self, handler: impl Fn(&Asked) -> Answer + Send + Sync + 'static) {
        *self.inner.handler.lock().unwrap() = Box::new(handler);
    }

    /// What `update_presence` is answered with.
    pub(crate) fn set_presence(&self, users: Value) {
        *self.inner.presence.lock().unwrap() = users;
    }

    /// Sends a frame to every websocket; `null` closes them.
    pub(crate) fn push(&self, frame: Value) {
        let _ = self.inner.push.send(frame);
    }
}

async fn serve(inner: Arc<Inner>, mut stream: TcpStream) {
    let mut start = [0_u8; 11];
    while stream.peek(&mut start).await.unwrap_or(0) < start.len() {
        tokio::task::yield_now().await;
    }
    if &start == b"GET /cable " {
        cable(&inner, stream).await;
        return;
    }
    let Some(asked) = read_request(&mut stream).await else {
        return;
    };
    let answer = (inner.handler.lock().unwrap())(&asked);
    inner.asked.lock().unwrap().push(asked);
    if answer.status == 0 {
        return;
    }
    let Answer { status, headers, body } = answer;
    let length = body.len();
    let head = format!("HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n");
    let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
}

async fn read_request(stream: &mut TcpStream) -> Option<Asked> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]).into_owned();
    let mut lines = head.split("\r\n");
    let line = lines.next()?.trim_end_matches(" HTTP/1.1").to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|header| header.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let mut body = bytes.split_off(head_end + 4);
    let find = |name: &str| headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    if find("transfer-encoding").is_some() {
        while !body.ends_with(b"0\r\n\r\n") && stream.read_buf(&mut body).await.ok()? > 0 {}
    } else {
        let length: usize = find("content-length").and_then(|value| value.parse().ok()).unwrap_or(0);
        while body.len() < length && stream.read_buf(&mut body).await.ok()? > 0 {}
    }
    Some(Asked { line, headers, body })
}

async fn cable(inner: &Inner, stream: TcpStream) {
    let manner = *inner.manner.lock().unwrap();
    let mut pushed = inner.push.subscribe();
    let agree = |_: &Request, mut response: Response| {
        response.headers_mut().insert("sec-websocket-protocol", "actioncable-v1-json".parse().unwrap());
        Ok(response)
    };
    let mut socket = tokio_tungstenite::accept_hdr_async(stream, agree).await.unwrap();
    let _ = socket.send(Message::text(r#"{"type":"welcome"}"#)).await;
    loop {
        let frame = tokio::select! {
            frame = socket.next() => frame,
            () = tokio::time::sleep(Duration::from_millis(10)), if manner != CableManner::FallsSilent => {
                let _ = socket.send(Message::text(r#"{"type":"ping","message":1}"#)).await;
                continue;
            }
            Ok(frame) = pushed.recv() => {
                if frame.is_null() {
                    return;
                }
                let _ = socket.send(Message::text(frame.to_string())).await;
                continue;
            }
        };
        let Some(Ok(Message::Text(text))) = frame else {
            return;
        };
        let frame: Value = serde_json::from_str(text.as_str()).unwrap();
        inner.frames.lock().unwrap().push(frame.clone());
        let identifier = frame["identifier"].clone();
        let answer = match (frame["command"].as_str(), manner) {
            (Some("subscribe"), CableManner::NeverConfirms) | (Some("message"), CableManner::FallsSilent) => continue,
            (Some("subscribe"), _) => {
                serde_json::json!({"identifier": identifier, "type": "confirm_subscription"})
            }
            _ => {
                let users = inner.presence.lock().unwrap().clone();
                serde_json::json!({"identifier": identifier, "message": {"event": "presence.update",
                    "data": {"account_id": 1, "users": users, "contacts": {}}}})
            }
        };
        let _ = socket.send(Message::text(answer.to_string())).await;
    }
}
