//! The API through the real routes, over a database that several services may share.

mod broken;
mod coverage;
mod large;
mod propagation;
mod publishing;
mod refusals;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::http::Method;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use chrono::{DateTime, Utc};
use offhook::app::App;
use offhook::clock::{Clock, CountedIds, ManualClock};
use offhook::config::Settings;
use offhook::sandbox::exchange::{MANUAL_START, ROUTING};
use offhook::sandbox::twilio::sign;
use offhook::store::Store;
use offhook::store::open::{OpenOptions, open};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::exchange::postgres;

pub const BASE: &str = "https://pbx.example.com";
const ACCOUNT: &str = "ACffffffffffffffffffffffffffffffff";
const TOKEN: &str = "not-a-real-token-of-the-tests";
pub const OPERATOR: &str = "not-a-real-operator-token-of-the-tests";
const TOML: &str = "application/toml";

/// A database that replicas share.
pub struct Database {
    pub url: String,
    _folder: Option<tempfile::TempDir>,
}

impl Database {
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("offhook.sqlite").display());
        Self { url, _folder: Some(folder) }
    }

    pub fn postgres() -> Self {
        Self { url: postgres::fresh_database(), _folder: None }
    }

    /// Writes into the tables behind the services' backs.
    pub async fn tamper(&self, sql: &str) {
        let connection = sea_orm::Database::connect(&self.url).await.unwrap();
        let done = sea_orm::ConnectionTrait::execute_unprepared(&connection, sql).await.unwrap();
        assert!(done.rows_affected() > 0, "{sql}");
        connection.close().await.unwrap();
    }
}

pub fn clock() -> ManualClock {
    ManualClock::new(MANUAL_START.parse().unwrap())
}

pub fn settings() -> Settings {
    drop(rustls::crypto::ring::default_provider().install_default());
    let mut settings = Settings::default();
    settings.server.public_base_url = Some(BASE.parse().unwrap());
    settings.server.operator_tokens = vec![SecretString::from(OPERATOR)];
    settings.twilio.account_sid = Some(ACCOUNT.to_owned());
    settings.twilio.auth_tokens = vec![SecretString::from(TOKEN)];
    // Nobody listens there.
    settings.chatwoot.base_url = Some("http://127.0.0.1:9".parse().unwrap());
    settings.chatwoot.account_id = Some(1);
    settings.chatwoot.api_token = Some(SecretString::from("not-a-real-chatwoot-token"));
    settings.chatwoot.webhook_secrets = vec![SecretString::from("not-a-real-webhook-secret")];
    settings
}

/// One service.
pub struct Office {
    pub app: Arc<App>,
    pub store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
}

/// What it answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub tag: Option<String>,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }
}

/// Counts the services of this run.
static SEEDS: AtomicU64 = AtomicU64::new(1);

impl Office {
    /// A service over the database, with nothing published yet unless another did.
    pub async fn open(database: &Database, clock: impl Clock + Clone) -> Self {
        let options = OpenOptions { migrate: true, connections: 2 };
        let store = open(&database.url, options).await.unwrap();
        let clock: Arc<dyn Clock> = Arc::new(clock);
        // Seeds apart, or two services would give one name to two drafts.
        let seed = SEEDS.fetch_add(1, Ordering::SeqCst);
        let app =
            App::build(settings(), Arc::clone(&store), Arc::clone(&clock), Arc::new(CountedIds::new(seed))).unwrap();
        Self { app, store, clock }
    }

    /// The same with the example published as version 1.
    pub async fn with_example(database: &Database, clock: &ManualClock) -> Self {
        let office = Self::open(database, clock.clone()).await;
        let draft = office.create_toml(ROUTING).await.expect(201);
        office.publish(&draft, &json!({})).await.expect(200);
        office
    }

    pub async fn send(&self, request: TestRequest) -> Answer {
        let metrics = offhook::telemetry::start_metrics().unwrap();
        let routes = offhook::server::routes(Arc::clone(&self.app), metrics);
        let service = init_service(actix_web::App::new().configure(routes)).await;
        let response = call_service(&service, request.to_request()).await;
        let status = response.status().as_u16();
        let tag = response.headers().get("etag").map(|tag| tag.to_str().unwrap().to_owned());
        let text = String::from_utf8(read_body(response).await.to_vec()).unwrap();
        Answer { status, tag, text }
    }

    pub fn request(method: Method, path: &str, headers: &[(&str, &str)]) -> TestRequest {
        let mut request = TestRequest::with_uri(&format!("/api/v1{path}"))
            .method(method)
            .insert_header(("authorization", format!("Bearer {OPERATOR}")));
        for (name, value) in headers {
            let name = HeaderName::try_from(*name).unwrap();
            request = request.insert_header((name, HeaderValue::from_str(value).unwrap()));
        }
        request
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Self::request(Method::GET, path, &[])).await
    }

    pub async fn get_toml(&self, path: &str) -> Answer {
        self.send(Self::request(Method::GET, path, &[("accept", TOML)])).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Self::request(Method::POST, path, &[]).set_json(body)).await
    }

    /// With `If-Match`.
    pub async fn change(&self, method: Method, path: &str, tag: &str, body: &Value) -> Answer {
        self.send(Self::request(method, path, &[("if-match", tag)]).set_json(body)).await
    }

    pub async fn create_toml(&self, text: &str) -> Answer {
        let request = Self::request(Method::POST, "/rules/drafts?name=Example", &[("content-type", TOML)]);
        self.send(request.set_payload(text.to_owned())).await
    }

    /// Publishes the draft as it was answered.
    pub async fn publish(&self, draft: &Answer, body: &Value) -> Answer {
        let path = format!("{}/publish", path_of(draft));
        self.change(Method::POST, &path, draft.tag.as_deref().unwrap(), body).await
    }

    /// Publishes rules that differ from those in force by what callers of the first brand wait; the version.
    pub async fn publish_wait(&self, seconds: u32) -> u64 {
        let mut document = self.get("/rules").await.expect(200).json()["document"].take();
        document["brand"][0]["max_wait_s"] = json!(seconds);
        let draft = self.post("/rules/drafts", &json!({ "name": "Wait", "document": document })).await.expect(201);
        self.publish(&draft, &json!({})).await.expect(200).json()["version"].as_u64().unwrap()
    }

    /// Somebody calls; the version of the rules that the call begins under.
    pub async fn call(&self, n: u32) -> u32 {
        let sid = format!("CA{n:032x}");
        // Every caller is somebody else, so that none is taken for a flood, and none of them has the phone of an agent.
        let from = format!("+1555010{:04}", 5_000 + n % 5_000);
        let params: Vec<(String, String)> = [
            ("CallSid", sid.as_str()),
            ("AccountSid", ACCOUNT),
            ("CallStatus", "ringing"),
            ("From", from.as_str()),
            ("To", "+15550100002"),
            ("Direction", "inbound"),
            ("ApiVersion", "2010-04-01"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
        let url = format!("{BASE}/twilio/voice");
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&params).finish();
        let request = TestRequest::post()
            .uri("/twilio/voice")
            .insert_header(("content-type", "application/x-www-form-urlencoded"))
            .insert_header(("x-twilio-signature", sign(TOKEN, &url, &params)))
            .set_payload(body);
        let answer = self.send(request).await.expect(200);
        assert!(answer.text.contains("<Enqueue"), "{answer:?}");
        let caller = offhook::ids::CarrierRef::new(&sid);
        self.store.find_call_by_caller_ref(&caller).await.unwrap().unwrap().rules_version
    }

    pub async fn ready(&self) -> Value {
        self.send(TestRequest::get().uri("/readyz")).await.expect(200).json()["dependencies"]["rules"].take()
    }

    pub async fn metrics(&self) -> String {
        self.send(TestRequest::get().uri("/metrics")).await.expect(200).text
    }

    /// What the audit says, newest first: action and subject.
    pub async fn audit(&self) -> Vec<(String, String)> {
        let lines = self.get("/audit").await.expect(200).json();
        let text = |line: &Value, field: &str| line[field].as_str().unwrap().to_owned();
        lines.as_array().unwrap().iter().map(|line| (text(line, "action"), text(line, "subject"))).collect()
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }
}

/// Where a draft is.
pub fn path_of(draft: &Answer) -> String {
    format!("/rules/drafts/{}", draft.json()["id"].as_str().unwrap())
}
