use serde_json::json;

use super::super::fake::{Answer, CableManner, Fake};
use super::*;
use crate::clock::ManualClock;

const QUICK: CableSettings = CableSettings {
    presence_every: Duration::from_millis(15),
    ping_timeout: Duration::from_secs(20),
    subscribe_timeout: Duration::from_secs(20),
    backoff_min: Duration::from_millis(5),
    backoff_max: Duration::from_millis(20),
};

struct Listening {
    fake: Fake,
    news: mpsc::Receiver<CableNews>,
    stop: CancellationToken,
    running: tokio::task::JoinHandle<()>,
}

fn listen(fake: Fake, settings: CableSettings) -> Listening {
    let (to, news) = mpsc::channel(256);
    let stop = CancellationToken::new();
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(DateTime::UNIX_EPOCH));
    let (client, stopped) = (fake.client(), stop.clone());
    let running = tokio::spawn(async move { run(&client, clock, settings, to, stopped).await });
    Listening { fake, news, stop, running }
}

impl Listening {
    async fn next(&mut self) -> CableNews {
        timeout(Duration::from_secs(5), self.news.recv()).await.expect("news in time").expect("still running")
    }

    async fn until(&mut self, wanted: impl Fn(&CableNews) -> bool) -> CableNews {
        loop {
            let news = self.next().await;
            if wanted(&news) {
                return news;
            }
        }
    }
}

async fn fake() -> Fake {
    let fake = Fake::start(|_| Answer::sample("api.profile.administrator")).await;
    fake.set_presence(json!({"10": "offline", "11": "online", "13": "busy"}));
    fake
}

#[tokio::test]
async fn it_subscribes_as_the_service_user_and_asks_who_is_present_again_and_again() {
    let mut cable = listen(fake().await, QUICK);
    assert_eq!(cable.next().await, CableNews::Subscribed);
    let online = HashMap::from([(10, Availability::Offline), (11, Availability::Online), (13, Availability::Busy)]);
    let report = CableNews::Presence(PresenceReport { online, at: DateTime::UNIX_EPOCH });
    for _ in 0..3 {
        assert_eq!(cable.next().await, report);
    }
    let frames = cable.fake.frames();
    let identifier: Value = serde_json::from_str(frames[0]["identifier"].as_str().unwrap()).unwrap();
    let wanted =
        json!({"channel": "RoomChannel", "pubsub_token": "PUBSUBTOKENexample10000", "account_id": 1, "user_id": 10});
    assert_eq!(identifier, wanted);
    assert_eq!(frames[1]["data"], "{\"action\":\"update_presence\"}");
    assert_eq!(frames[1]["identifier"], frames[0]["identifier"]);
    cable.stop.cancel();
    timeout(Duration::from_secs(5), cable.running).await.expect("it stops").unwrap();
}

#[tokio::test]
async fn a_service_user_who_is_not_offline_is_set_offline_once() {
    let fake = fake().await;
    fake.answer_with(|_| {
        Answer::json(
            r#"{"id":10,"pubsub_token":"P","accounts":[{"id":1,"role":"administrator","availability":"online"}]}"#,
        )
    });
    let mut cable = listen(fake, QUICK);
    cable.until(|news| matches!(news, CableNews::Presence(_))).await;
    cable.fake.push(Value::Null);
    cable.until(|news| *news == CableNews::Lost).await;
    cable.until(|news| *news == CableNews::Subscribed).await;
    assert_eq!(cable.fake.lines(), ["GET /api/v1/profile", "POST /api/v1/profile/availability"]);
    let body = cable.fake.asked()[1].json();
    assert_eq!(body, json!({"profile": {"account_id": 1, "availability": "offline"}}));
}

#[tokio::test]
async fn silence_is_noticed_and_ended_by_a_new_connection() {
    let fake = fake().await;
    fake.behave(CableManner::FallsSilent);
    let mut cable = listen(fake, CableSettings { ping_timeout: Duration::from_millis(150), ..QUICK });
    assert_eq!(cable.next().await, CableNews::Subscribed);
    assert_eq!(cable.next().await, CableNews::Lost);
    cable.fake.behave(CableManner::Proper);
    cable.until(|news| matches!(news, CableNews::Presence(_))).await;
}

#[tokio::test]
async fn without_a_confirmation_the_token_is_read_anew() {
    let fake = fake().await;
    fake.behave(CableManner::NeverConfirms);
    let mut cable = listen(fake, CableSettings { subscribe_timeout: Duration::from_millis(40), ..QUICK });
    while cable.fake.lines().len() < 2 {
        tokio::task::yield_now().await;
    }
    cable.fake.behave(CableManner::Proper);
    assert_eq!(cable.next().await, CableNews::Subscribed, "nothing was said of the failures before");
}

#[tokio::test]
async fn a_server_that_says_goodbye_is_called_again() {
    let mut cable = listen(fake().await, QUICK);
    assert_eq!(cable.next().await, CableNews::Subscribed);
    cable.until(|news| matches!(news, CableNews::Presence(_))).await;
    cable.fake.push(json!({"type": "disconnect", "reason": "server_restart", "reconnect": true}));
    cable.until(|news| *news == CableNews::Lost).await;
    cable.until(|news| *news == CableNews::Subscribed).await;
}

#[tokio::test]
async fn events_are_passed_on_and_nonsense_is_not() {
    let mut cable = listen(fake().await, QUICK);
    cable.until(|news| matches!(news, CableNews::Presence(_))).await;
    let sample = include_str!("../../tests/fixtures/contracts/chatwoot/cable.message_created.json");
    let sample: Value = serde_json::from_str(sample).unwrap();
    let mut foreign = sample.clone();
    foreign["data"]["account_id"] = 2.into();
    let mut senseless = sample.clone();
    senseless["data"]["id"] = "x".into();
    cable.fake.push(json!([]));
    for message in [
        foreign,
        senseless,
        json!({"event": "presence.update", "data": {"account_id": 2, "users": {"9": "online"}}}),
        json!({"event": "presence.update", "data": {"account_id": 1, "users": {"9": "away"}}}),
        sample,
    ] {
        cable.fake.push(json!({"identifier": "{}", "message": message}));
    }
    let first = cable.until(|news| !matches!(news, CableNews::Presence(p) if !p.online.contains_key(&9))).await;
    assert!(matches!(&first, CableNews::Event(ChatwootEvent::MessageCreated(m)) if m.id == 9003), "{first:?}");
}

#[test]
fn the_websocket_is_beside_the_pages() {
    for (base, wanted) in [
        ("https://chat.example.com", "wss://chat.example.com/cable"),
        ("http://127.0.0.1:3000/", "ws://127.0.0.1:3000/cable"),
        ("https://example.com/chat/", "wss://example.com/chat/cable"),
    ] {
        assert_eq!(cable_url(&Url::parse(base).unwrap()).unwrap().as_str(), wanted);
    }
}
