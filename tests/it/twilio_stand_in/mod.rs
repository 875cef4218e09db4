//! The stand-in of Twilio, shown with a tiny scripted service: each verb, each switch, each sample.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    reason = "a test that finds something else than it wants should stop"
)]

mod calls;
mod rest;
mod ringing;
mod webhooks;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use chrono::{DateTime, TimeDelta, Utc};
use offhook::sandbox::twilio::{Behaviour, Options, PhoneAction, PhoneKind, TwilioStandIn};
use serde_json::Value;

const CALLER: &str = "+15550100001";
const BRAND: &str = "+15550100002";
const ANA: &str = "+15550100003";
const BEN: &str = "+15550100004";

fn noon() -> DateTime<Utc> {
    "2026-03-02T12:00:00Z".parse().unwrap()
}

/// One request the scripted service received.
#[derive(Debug, Clone)]
struct Received {
    path: String,
    params: BTreeMap<String, String>,
    signature: String,
    token: String,
    url: String,
    body: String,
}

type Reply = (u16, &'static str, String);

#[derive(Clone, Default)]
struct Script {
    replies: Arc<Mutex<BTreeMap<String, Vec<Reply>>>>,
    received: Arc<Mutex<Vec<Received>>>,
}

/// A stand-in, a scripted service, and a line between them.
struct Line {
    twilio: TwilioStandIn,
    script: Script,
    base: String,
    server: ServerHandle,
    client: reqwest::Client,
}

async fn service(request: HttpRequest, body: String, script: web::Data<Script>) -> HttpResponse {
    let path = request.path().to_owned();
    let header =
        |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let form = if request.method() == "GET" { request.query_string().to_owned() } else { body.clone() };
    script.received.lock().unwrap().push(Received {
        path: path.clone(),
        params: url::form_urlencoded::parse(form.as_bytes()).into_owned().collect(),
        signature: header("x-twilio-signature"),
        token: header("i-twilio-idempotency-token"),
        url: format!("http://{}{}", header("host"), request.uri()),
        body,
    });
    let mut replies = script.replies.lock().unwrap();
    let (status, kind, text) = match replies.get_mut(&path) {
        Some(list) if list.len() > 1 => list.remove(0),
        Some(list) => list[0].clone(),
        None => (204, "text/plain", String::new()),
    };
    HttpResponse::build(actix_web::http::StatusCode::from_u16(status).unwrap()).content_type(kind).body(text)
}

impl Line {
    async fn open() -> Self {
        let script = Script::default();
        let data = web::Data::new(script.clone());
        let server = HttpServer::new(move || App::new().app_data(data.clone()).default_service(web::to(service)))
            .workers(1)
            .disable_signals()
            .bind(("127.0.0.1", 0))
            .unwrap();
        let base = format!("http://{}", server.addrs()[0]);
        let running = server.run();
        let handle = running.handle();
        actix_web::rt::spawn(running);
        let twilio = TwilioStandIn::start(Options::manual(noon(), &[BRAND])).await.unwrap();
        twilio.configure_number(BRAND, &format!("{base}/voice"), "", &format!("{base}/ended")).unwrap();
        for (number, name, kind) in
            [(CALLER, "Jane Doe", PhoneKind::Customer), (ANA, "Ana", PhoneKind::Agent), (BEN, "Ben", PhoneKind::Agent)]
        {
            twilio.add_phone(number, name, kind, Behaviour::Manual);
        }
        Self { twilio, script, base, server: handle, client: reqwest::Client::new() }
    }

    /// What the service says at a path; `{base}` becomes its address. The last of several stays.
    fn says(&self, path: &str, inner: &str) -> &Self {
        let text = format!("<Response>{}</Response>", inner.replace("{base}", &self.base));
        self.answers(path, 200, "text/xml", &text)
    }

    fn answers(&self, path: &str, status: u16, kind: &'static str, text: &str) -> &Self {
        self.script.replies.lock().unwrap().entry(path.to_owned()).or_default().push((status, kind, text.to_owned()));
        self
    }

    async fn act(&self, number: &str, action: PhoneAction) {
        self.twilio.act(number, action).await.unwrap();
    }

    async fn call(&self) -> String {
        self.act(CALLER, PhoneAction::Dial { to: BRAND.to_owned() }).await;
        self.received("/voice").last().unwrap().params["CallSid"].clone()
    }

    async fn after(&self, seconds: i64) {
        self.twilio.advance_to(self.twilio.now() + TimeDelta::seconds(seconds)).await;
    }

    fn received(&self, path: &str) -> Vec<Received> {
        self.script.received.lock().unwrap().iter().filter(|one| one.path == path).cloned().collect()
    }

    fn statuses(&self, path: &str) -> Vec<String> {
        self.received(path).iter().map(|one| one.params["CallStatus"].clone()).collect()
    }

    fn switch(&self, part: Value) {
        self.twilio.set_switches(&part).unwrap();
    }

    fn is_faultless(&self) {
        assert_eq!(self.twilio.violations(), vec![]);
    }

    fn api(&self, path: &str) -> String {
        format!("{}/2010-04-01/Accounts/{}{path}", self.twilio.base_url(), self.twilio.account_sid())
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        let reply = self
            .client
            .get(self.api(path))
            .basic_auth(self.twilio.account_sid(), Some(self.twilio.auth_token()))
            .send()
            .await
            .unwrap();
        (reply.status().as_u16(), reply.json().await.unwrap_or_default())
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> (u16, Value) {
        let form: Vec<(&str, String)> =
            form.iter().map(|(name, value)| (*name, value.replace("{base}", &self.base))).collect();
        let request = self
            .client
            .post(self.api(path))
            .basic_auth(self.twilio.account_sid(), Some(self.twilio.auth_token()))
            .form(&form);
        let reply = request.send().await.unwrap();
        let answer = (reply.status().as_u16(), reply.json().await.unwrap_or_default());
        self.twilio.settle().await;
        answer
    }

    async fn rings(&self, to: &str, path: &str) -> String {
        let (status, body) = self
            .post(
                "/Calls.json",
                &[
                    ("To", to),
                    ("From", BRAND),
                    ("Url", &format!("{{base}}{path}")),
                    ("StatusCallback", "{base}/status"),
                    ("StatusCallbackEvent", "initiated"),
                    ("StatusCallbackEvent", "ringing"),
                    ("StatusCallbackEvent", "answered"),
                    ("StatusCallbackEvent", "completed"),
                    ("Timeout", "20"),
                ],
            )
            .await;
        assert_eq!(status, 201, "{body}");
        body["sid"].as_str().unwrap().to_owned()
    }

    async fn close(self) {
        self.twilio.stop().await;
        self.server.stop(false).await;
    }
}

fn fixture(name: &str) -> Value {
    let path = format!("{}/tests/fixtures/contracts/twilio/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn keys_of(sample: &str) -> BTreeSet<String> {
    fixture(&format!("webhooks/{sample}.json")).as_object().unwrap().keys().cloned().collect()
}

fn is_like(received: &Received, sample: &str) {
    let keys: BTreeSet<String> = received.params.keys().cloned().collect();
    assert_eq!(keys, keys_of(sample), "{sample}");
}

/// A document that rings both agents.
const RING_BOTH: &str = "<Dial action=\"{base}/after\" timeout=\"20\" answerOnBridge=\"true\">\
    <Number url=\"{base}/screen\" statusCallback=\"{base}/leg\" statusCallbackEvent=\"initiated ringing answered completed\">+15550100003</Number>\
    <Number url=\"{base}/screen\" statusCallback=\"{base}/leg\" statusCallbackEvent=\"initiated ringing answered completed\">+15550100004</Number></Dial>";
/// What an agent hears before being bridged.
const SCREEN: &str =
    "<Gather numDigits=\"1\" timeout=\"8\" action=\"{base}/accept\"><Say>Press 1</Say></Gather><Hangup/>";
