//! Every door against what can come through it: forged, senseless, repeated and oversized requests, and a store that
//! fails, hangs or panics behind it. Whoever listens gets a valid document in time.

mod faulty_store;
mod neighbours;
mod turned_away;

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use offhook::app::App;
use offhook::clock::{Clock, CountedIds, ManualClock};
use offhook::config::Settings;
use offhook::ids::{CallId, CarrierRef};
use offhook::rules::RingMethod;
use offhook::sandbox::exchange::{MANUAL_START, ROUTING};
use offhook::sandbox::twilio::sign;
use offhook::store::{Publishing, Store};
use offhook::twilio::urls::{Addresses, Door, DoorKind, Minted};
use secrecy::SecretString;

use crate::twiml_schema::check_twiml;
use faulty_store::{FaultyStore, Mood};

const BASE: &str = "https://pbx.example.com";
const ACCOUNT: &str = "ACffffffffffffffffffffffffffffffff";
const TOKEN: &str = "not-a-real-token-of-the-tests";
const URL_SECRET: &str = "not-a-real-secret-of-the-tests";
const OPERATOR: &str = "not-a-real-operator-token-of-the-tests";
const CHATWOOT_SECRET: &str = "not-a-real-webhook-secret";
const CALLER_SID: &str = "CA00000000000000000000000000000001";

/// An answer is promised within 1.5 s, and what hangs never answers: a loaded machine gets its time.
const ANSWERED_WITHIN: Duration = Duration::from_secs(12);

pub struct House {
    pub app: Arc<App>,
    pub store: Arc<FaultyStore>,
    addresses: Addresses,
    pub now: DateTime<Utc>,
}

impl House {
    pub async fn new() -> Self {
        Self::ringing_by(RingMethod::Auto).await
    }

    pub async fn ringing_by(method: RingMethod) -> Self {
        drop(rustls::crypto::ring::default_provider().install_default());
        let now: DateTime<Utc> = MANUAL_START.parse().unwrap();
        let mut settings = Settings::default();
        settings.server.public_base_url = Some(BASE.parse().unwrap());
        settings.server.url_secret = Some(SecretString::from(URL_SECRET));
        settings.server.operator_tokens = vec![SecretString::from(OPERATOR)];
        settings.twilio.ring_method = method;
        settings.twilio.account_sid = Some(ACCOUNT.to_owned());
        settings.twilio.auth_tokens = vec![SecretString::from(TOKEN)];
        settings.chatwoot.base_url = Some("https://chatwoot.example.com".parse().unwrap());
        settings.chatwoot.account_id = Some(1);
        settings.chatwoot.api_token = Some(SecretString::from("not-a-real-chatwoot-token"));
        settings.chatwoot.webhook_secrets = vec![SecretString::from(CHATWOOT_SECRET)];
        let store = Arc::new(FaultyStore::new());
        store.publish_rules(ROUTING, "test", now).await.unwrap();
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(now));
        let kept: Arc<dyn Store> = store.clone();
        let app = App::build(settings, kept, clock, Arc::new(CountedIds::new(7))).unwrap();
        store.take_count();
        Self { app, store, addresses: Addresses::new(BASE, SecretString::from(URL_SECRET)), now }
    }

    /// The address of a door, for a call that nobody knows.
    fn address(&self, door: Door) -> String {
        if !door.is_minted() {
            return format!("{BASE}{}", door.path());
        }
        let minted = Minted::of(CallId(uuid::Uuid::from_u128(7))).leg(1).round(1).step(1);
        let address = self.addresses.mint(door, minted, self.now);
        address.split('#').next().unwrap().to_owned()
    }
}

/// Serves the whole of the house's routes.
macro_rules! serve {
    ($house:expr) => {{
        let metrics = offhook::telemetry::start_metrics().unwrap();
        init_service(actix_web::App::new().configure(offhook::server::routes(Arc::clone(&$house.app), metrics))).await
    }};
}
pub(crate) use serve;

type Params = Vec<(String, String)>;
type MakeParams = fn(Door) -> Params;

fn params(door: Door) -> Params {
    let status = if door == Door::Voice { "ringing" } else { "in-progress" };
    let mut params = vec![
        ("CallSid", CALLER_SID),
        ("AccountSid", ACCOUNT),
        ("CallStatus", status),
        ("From", "+15550100001"),
        ("To", "+15550100002"),
        ("Direction", "inbound"),
        ("ApiVersion", "2010-04-01"),
    ];
    match door {
        Door::Left => params.push(("QueueResult", "leave")),
        Door::WaitKey | Door::AgentAccept | Door::ScreenKey | Door::Menu | Door::LineKey => {
            params.push(("Digits", "1"));
        }
        Door::RoomEvents => params.extend([
            ("ConferenceSid", "CF00000000000000000000000000000001"),
            ("FriendlyName", "call-7"),
            ("StatusCallbackEvent", "conference-start"),
        ]),
        Door::Recording => {
            params.extend([("RecordingSid", "RE00000000000000000000000000000001"), ("RecordingStatus", "completed")]);
        }
        Door::Transcript => params.extend([
            ("RecordingSid", "RE00000000000000000000000000000001"),
            ("TranscriptionSid", "TR00000000000000000000000000000001"),
            ("TranscriptionStatus", "completed"),
        ]),
        _ => {}
    }
    params.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn post(url: &str, params: &Params, signature: Option<String>, token: Option<&str>) -> TestRequest {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish();
    let mut request = TestRequest::post()
        .uri(url.strip_prefix(BASE).unwrap())
        .insert_header(("content-type", "application/x-www-form-urlencoded"))
        .set_payload(body);
    if let Some(signature) = signature {
        request = request.insert_header(("x-twilio-signature", signature));
    }
    if let Some(token) = token {
        request = request.insert_header(("i-twilio-idempotency-token", token));
    }
    request
}

fn signed(url: &str, params: &Params) -> TestRequest {
    post(url, params, Some(sign(TOKEN, url, params)), None)
}

fn context(door: Door) -> Option<&'static str> {
    match door {
        Door::Wait | Door::WaitKey | Door::WaitCode => Some("enqueue_wait"),
        Door::RoomWait => Some("conference_wait_hold_announce"),
        Door::Screen | Door::ScreenKey | Door::LineScreen | Door::LineKey => Some("number_url_screen"),
        _ => None,
    }
}

/// Nobody listens at a status door; everywhere else there is a valid document, and no leg is let through by it.
async fn expect_safe_reply<B: MessageBody>(
    door: Door,
    what: &str,
    response: ServiceResponse<B>,
    statuses: &[StatusCode],
) {
    let status = response.status();
    if door.kind() == DoorKind::Status {
        assert!(statuses.contains(&status), "{door:?}, {what}: {status}");
        return;
    }
    assert_eq!(status, StatusCode::OK, "{door:?}, {what}");
    let kind = response.headers().get("content-type").unwrap().to_str().unwrap().to_owned();
    assert!(kind.starts_with("text/xml"), "{door:?}, {what}: {kind}");
    let body = String::from_utf8(read_body(response).await.to_vec()).unwrap();
    if let Err(faults) = check_twiml(context(door), &body) {
        panic!("{door:?}, {what}: {faults:?} in {body}");
    }
    if door.kind() == DoorKind::Agent {
        assert!(
            body.contains("<Hangup/>"),
            "{door:?}, {what}: a leg that nobody accepted on would be let through by {body}"
        );
    }
}

/// Knocks at every door at once; the answers with how long each took.
async fn knock_everywhere<S, R, B>(
    service: &S,
    house: &House,
    params: impl Fn(Door) -> Params,
    seal: impl Fn(TestRequest) -> R,
) -> Vec<(Door, ServiceResponse<B>, Duration)>
where
    S: Service<R, Response = ServiceResponse<B>, Error = actix_web::Error>,
    B: MessageBody,
{
    join_all(Door::ALL.iter().map(|door| {
        let request = seal(signed(&house.address(*door), &params(*door)));
        async move {
            let began = Instant::now();
            let response = call_service(service, request).await;
            (*door, response, began.elapsed())
        }
    }))
    .await
}

#[actix_web::test]
async fn an_unsigned_or_wrongly_signed_request_is_refused_and_nothing_is_read_or_saved() {
    let house = House::new().await;
    let service = serve!(house);
    for door in Door::ALL {
        let (url, params) = (house.address(*door), params(*door));
        let other = sign("another-token", &url, &params);
        let mut changed = params.clone();
        changed.push(("Digits".to_owned(), "11".to_owned()));
        let of_other_params = sign(TOKEN, &url, &changed);
        for signature in [None, Some(String::new()), Some("nonsense".to_owned()), Some(other), Some(of_other_params)] {
            let what = format!("{door:?} signed {signature:?}");
            let response = call_service(&service, post(&url, &params, signature, None).to_request()).await;
            assert_eq!(response.status(), StatusCode::FORBIDDEN, "{what}");
            assert!(read_body(response).await.is_empty(), "{what}");
        }
        assert_eq!(house.store.take_count(), 0, "{door:?} asked the store before it knew who was there");
    }
}

#[actix_web::test]
async fn a_signed_request_without_sense_gets_the_doors_safe_reply() {
    let house = House::new().await;
    let service = serve!(house);
    let senseless: [(&str, MakeParams); 3] = [
        ("no parameters but the account", |_| vec![("AccountSid".to_owned(), ACCOUNT.to_owned())]),
        ("values that are none", |door| {
            let nonsense = |(name, value): (String, String)| {
                let value = if name == "AccountSid" { value } else { "\u{1}<>&\"' nonsense".to_owned() };
                (name, value)
            };
            params(door).into_iter().map(nonsense).collect()
        }),
        ("a call that nobody knows", params),
    ];
    for (what, params) in senseless {
        for (door, response, took) in knock_everywhere(&service, &house, params, |request| request.to_request()).await {
            assert!(took < ANSWERED_WITHIN, "{door:?}, {what}, took {took:?}");
            let statuses = [StatusCode::SERVICE_UNAVAILABLE, StatusCode::NO_CONTENT];
            expect_safe_reply(door, what, response, &statuses).await;
        }
    }
}

#[actix_web::test]
async fn a_store_that_fails_hangs_or_panics_leaves_nobody_without_an_answer() {
    let house = House::new().await;
    let service = serve!(house);
    for mood in [Mood::Fails, Mood::Hangs, Mood::Panics] {
        house.store.set(mood);
        for (door, response, took) in knock_everywhere(&service, &house, params, |request| request.to_request()).await {
            let what = format!("the store {mood:?}");
            assert!(took < ANSWERED_WITHIN, "{door:?}, {what}, took {took:?}");
            expect_safe_reply(door, &what, response, &[StatusCode::SERVICE_UNAVAILABLE]).await;
        }
    }
}

/// In a rush each look at the phones finds some free that are gone at the save.
#[actix_web::test]
async fn a_caller_whom_others_forestall_each_time_waits_and_is_rung_for_with_what_is_left() {
    for method in [RingMethod::Legs, RingMethod::Dial] {
        let house = House::ringing_by(method).await;
        let service = serve!(house);
        house.store.set(Mood::OthersAreFaster);
        let url = house.address(Door::Voice);
        let response = call_service(&service, signed(&url, &params(Door::Voice)).to_request()).await;
        let heard = String::from_utf8(read_body(response).await.to_vec()).unwrap();
        assert!(heard.contains("<Enqueue"), "{method:?}: {heard}");

        house.store.set(Mood::Works);
        house.app.switchboard.offer_freed_phones().await.unwrap();
        let call = house.store.find_call_by_caller_ref(&CarrierRef::new(CALLER_SID)).await.unwrap().unwrap();
        let rung: Vec<_> = call.live_legs().map(|leg| leg.agent.as_str()).collect();
        // By dial the phones are rung when the caller's document ends.
        let expected = if method == RingMethod::Legs { 2 } else { 0 };
        assert_eq!(rung.len(), expected, "{method:?}: three of five phones are held by others, {rung:?} ring");
    }
}

#[actix_web::test]
async fn the_third_wait_in_a_row_that_fails_lets_the_caller_leave_the_queue() {
    let house = House::new().await;
    let service = serve!(house);
    house.store.set(Mood::Fails);
    let url = house.address(Door::Wait);
    let mut heard = Vec::new();
    for _ in 0..3 {
        let response = call_service(&service, signed(&url, &params(Door::Wait)).to_request()).await;
        heard.push(String::from_utf8(read_body(response).await.to_vec()).unwrap());
    }
    assert!(heard[0].contains("<Play") && heard[1].contains("<Play"), "{heard:?}");
    assert!(heard[2].contains("<Leave/>"), "{heard:?}");
}

#[actix_web::test]
async fn an_address_made_by_somebody_else_gets_the_safe_reply_and_changes_nothing() {
    let house = House::new().await;
    let service = serve!(house);
    for door in Door::ALL.iter().filter(|door| door.is_minted()) {
        let url = house.address(*door);
        let last = url.chars().last().unwrap();
        let forged = format!("{}{}", &url[..url.len() - 1], if last == '0' { '1' } else { '0' });
        let response = call_service(&service, signed(&forged, &params(*door)).to_request()).await;
        expect_safe_reply(*door, "a forged address", response, &[StatusCode::SERVICE_UNAVAILABLE]).await;
        assert_eq!(house.store.take_count(), 0, "{door:?} asked the store upon a forged address");
    }
}

#[actix_web::test]
async fn a_request_about_another_account_is_refused() {
    let house = House::new().await;
    let service = serve!(house);
    for door in Door::ALL {
        let other = params(*door).into_iter().map(|(name, value)| {
            let value = if name == "AccountSid" { "AC00000000000000000000000000000000".to_owned() } else { value };
            (name, value)
        });
        let other: Params = other.collect();
        let response = call_service(&service, signed(&house.address(*door), &other).to_request()).await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{door:?}");
    }
}

#[actix_web::test]
async fn a_body_that_is_too_large_is_not_read() {
    let house = House::new().await;
    let service = serve!(house);
    for door in Door::ALL {
        let mut params = params(*door);
        params.push(("SpeechResult".to_owned(), "x".repeat(70_000)));
        let response = call_service(&service, signed(&house.address(*door), &params).to_request()).await;
        assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE, "{door:?}");
    }
    assert_eq!(house.store.take_count(), 0);
}

#[actix_web::test]
async fn a_repeated_request_is_answered_word_for_word() {
    let house = House::new().await;
    let service = serve!(house);
    let (url, params) = (house.address(Door::Voice), params(Door::Voice));
    let mut bodies = Vec::new();
    for _ in 0..3 {
        let request = post(&url, &params, Some(sign(TOKEN, &url, &params)), Some("token-1"));
        let response = call_service(&service, request.to_request()).await;
        assert_eq!(response.status(), StatusCode::OK);
        bodies.push(read_body(response).await);
    }
    assert!(String::from_utf8_lossy(&bodies[0]).contains("<Enqueue"), "{bodies:?}");
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");
    assert_eq!(house.store.list_calls(None, 10).await.unwrap().len(), 1, "one call became several");
}
