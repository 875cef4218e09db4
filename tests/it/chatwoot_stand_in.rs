//! The stand-in of Chatwoot against the recording of a real one, and its switches.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use futures_util::StreamExt;
use offhook::clock::{CountedIds, ManualClock};
use offhook::sandbox::chatwoot::{ChatwootStandIn, Options, State};
use serde_json::{Value, json};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// All recorded steps but the slow one, `presence/flapping`, which watches a real clock for 130 seconds: the stand-in's own
/// test of presence judges that on a clock turned by hand.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_stand_in_answers_as_the_recorded_chatwoot_did() {
    let stand_in = ChatwootStandIn::start(Options::default()).await.unwrap();
    let sink = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let fixtures = fixtures();
    let mut comparer = tokio::process::Command::new("python3");
    comparer.arg("-B").arg(fixtures.join("conformance/chatwoot.py")).arg("compare");
    comparer.arg("--against").arg(fixtures.join("chatwoot/chatwoot-4.13.0"));
    let allowances = fixtures.join("conformance-allow.json");
    if allowances.exists() {
        comparer.arg("--allow").arg(allowances);
    }
    for (flag, value) in [
        ("--base", stand_in.base_url()),
        ("--account", stand_in.account_id().to_string()),
        ("--admin-token", stand_in.admin_token()),
        ("--agent-token", stand_in.agent_token()),
        ("--agent2-token", stand_in.agent2_token()),
        ("--admin-email", stand_in.admin_email()),
        ("--admin-password", stand_in.admin_password()),
        ("--sink-port", sink.to_string()),
        ("--sink-url", format!("http://127.0.0.1:{sink}")),
        ("--wait", "15".to_owned()),
    ] {
        comparer.arg(flag).arg(value);
    }
    let run = tokio::time::timeout(Duration::from_secs(900), comparer.kill_on_drop(true).output());
    let run = run.await.expect("the comparison comes to its end").unwrap();
    let report = String::from_utf8_lossy(&run.stdout);
    println!("{report}{}", String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{report}");
    assert!(report.trim_end().ends_with("95 passed, 0 failed"), "{report}");
    stand_in.stop().await;
}

/// A stand-in on a clock turned by hand, with one conversation, and a client that is not patient.
struct Scene {
    stand_in: ChatwootStandIn,
    clock: ManualClock,
    client: reqwest::Client,
    /// Gives up soon.
    impatient: reqwest::Client,
    conversation: i64,
}

const MESSAGES: &str = "POST conversations/:id/messages";

impl Scene {
    async fn open() -> Self {
        let clock = ManualClock::new(DateTime::from_timestamp(1_780_000_000, 0).unwrap());
        let options =
            Options { clock: Arc::new(clock.clone()), ids: Arc::new(CountedIds::new(7)), ..Options::default() };
        let stand_in = ChatwootStandIn::start(options).await.unwrap();
        let client = |patience| reqwest::Client::builder().no_proxy().timeout(patience).build().unwrap();
        let (client, impatient) = (client(Duration::from_secs(30)), client(Duration::from_millis(300)));
        let mut scene = Self { stand_in, clock, client, impatient, conversation: 0 };
        let inbox = scene.stand_in.create_inbox("Acme Movers", &[2, 3]);
        let number = "+15550100003";
        let caller = json!({ "name": "Jordan Blake", "phone_number": number, "custom_attributes": { "offhook_last_call_at": "2026-06-01" }, "inbox_id": inbox, "source_id": number });
        let contact = scene.post("contacts", &caller).await.unwrap().1["payload"]["contact"]["id"].clone();
        let place = json!({ "inbox_id": inbox, "contact_id": contact, "source_id": number, "additional_attributes": { "source": "offhook" } });
        scene.conversation = scene.post("conversations", &place).await.unwrap().1["id"].as_i64().unwrap();
        scene
    }

    fn url(&self, path: &str) -> String {
        format!("{}/api/v1/accounts/1/{path}", self.stand_in.base_url())
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> reqwest::Result<(u16, Value)> {
        let answer = request.header("api-access-token", self.stand_in.admin_token()).send().await?;
        let (status, text) = (answer.status().as_u16(), answer.text().await?);
        Ok((status, serde_json::from_str(&text).unwrap_or(Value::String(text))))
    }

    async fn post(&self, path: &str, body: &Value) -> reqwest::Result<(u16, Value)> {
        self.send(self.client.post(self.url(path)).json(body)).await
    }

    async fn get(&self, path: &str) -> reqwest::Result<(u16, Value)> {
        self.send(self.client.get(self.url(path).trim_end_matches('/'))).await
    }

    async fn note(&self, text: &str) -> reqwest::Result<(u16, Value)> {
        self.note_by(&self.client, text).await
    }

    async fn note_by(&self, client: &reqwest::Client, text: &str) -> reqwest::Result<(u16, Value)> {
        let path = self.url(&format!("conversations/{}/messages", self.conversation));
        self.send(client.post(path).json(&json!({ "content": text, "private": true, "source_id": text }))).await
    }

    /// The client gives up, and the request is at the server.
    async fn note_in_vain(&self, text: &str) {
        let before = self.stand_in.seen().len();
        assert!(self.note_by(&self.impatient, text).await.unwrap_err().is_timeout());
        self.until(|scene| scene.stand_in.seen().len() > before).await;
    }

    fn notes(&self) -> Vec<String> {
        let messages = self.stand_in.conversations().remove(0).messages;
        messages.into_iter().filter(|message| message.private).filter_map(|message| message.content).collect()
    }

    async fn until(&self, what: impl Fn(&Self) -> bool) {
        let mut changes = self.stand_in.subscribe();
        let seen = async {
            while !what(self) {
                // What is seen is no change of the world.
                drop(tokio::time::timeout(Duration::from_millis(20), changes.changed()).await);
            }
        };
        tokio::time::timeout(Duration::from_secs(60), seen).await.expect("it happens");
    }
}

#[tokio::test]
async fn a_lost_reply_leaves_what_was_done() {
    let scene = Scene::open().await;
    scene.stand_in.lose_reply_once(MESSAGES);
    assert!(scene.note("lost").await.is_err());
    assert_eq!(scene.notes(), ["lost"]);
    assert_eq!(scene.note("kept").await.unwrap().0, 200);
    assert_eq!(scene.notes(), ["lost", "kept"]);
    let statuses: Vec<_> = scene.stand_in.seen().into_iter().rev().take(2).map(|seen| seen.status).collect();
    assert_eq!(statuses, [Some(200), None]);
}

#[tokio::test]
async fn a_late_commit_lands_after_the_client_gave_up() {
    let scene = Scene::open().await;
    scene.stand_in.commit_late(MESSAGES, 40);
    scene.note_in_vain("late").await;
    assert_eq!(scene.note("second try").await.unwrap().0, 200);
    assert_eq!(scene.notes(), ["second try"]);
    scene.clock.advance(TimeDelta::seconds(41));
    scene.until(|scene| scene.notes() == ["second try", "late"]).await;
}

#[tokio::test]
async fn the_states_refuse_delay_and_cut() {
    let scene = Scene::open().await;
    scene.stand_in.set_switches(json!({ "state": "429" })).unwrap();
    assert_eq!(scene.note("a").await.unwrap(), (429, json!("Retry later\n")));
    scene.stand_in.set_switches(json!({ "state": "500" })).unwrap();
    assert_eq!(scene.note("b").await.unwrap(), (500, json!({ "status": 500, "error": "Internal Server Error" })));
    scene.stand_in.set_state(State::Down);
    assert!(!scene.note("c").await.unwrap_err().is_timeout());
    assert_eq!(scene.notes(), Vec::<String>::new());
    scene.stand_in.set_switches(json!({ "state": "slow", "slow_ms": 20_000 })).unwrap();
    assert!(scene.note_by(&scene.impatient, "d").await.unwrap_err().is_timeout());
    // A slow server does what it was asked.
    scene.until(|scene| scene.notes() == ["d"]).await;
    scene.stand_in.set_switches(json!({ "state": "ok" })).unwrap();
    assert_eq!(scene.note("e").await.unwrap().0, 200);
    assert!(scene.stand_in.set_switches(json!({ "state": "sideways" })).is_err());
}

#[tokio::test]
async fn a_server_that_goes_down_takes_its_cables_along() {
    let scene = Scene::open().await;
    let url = scene.stand_in.base_url().replace("http:", "ws:") + "/cable";
    let (mut cable, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    let welcome = cable.next().await.unwrap().unwrap();
    assert_eq!(welcome.to_text().unwrap(), r#"{"type":"welcome"}"#);
    scene.stand_in.set_state(State::Down);
    let rest = tokio::time::timeout(Duration::from_secs(5), cable.collect::<Vec<_>>()).await;
    let said = rest.unwrap().into_iter().flatten().filter(|frame| frame.is_text()).count();
    assert_eq!(said, 0);
}

#[tokio::test]
async fn a_simulated_tab_keeps_its_agent_online() {
    let scene = Scene::open().await;
    let status = |id: usize| scene.stand_in.agents()[id - 1].availability_status.clone();
    assert_eq!(status(2), "offline");
    scene.stand_in.enter_browser(2);
    scene.stand_in.set_availability(2, "busy").unwrap();
    scene.clock.advance(TimeDelta::seconds(65));
    assert_eq!(status(2), "busy");
    scene.stand_in.leave_browser(2);
    scene.clock.advance(TimeDelta::seconds(21));
    assert_eq!(status(2), "offline");
    scene.stand_in.set_auto_offline(2, false);
    assert_eq!(status(2), "busy");
    assert!(scene.stand_in.set_availability(2, "away").is_err());
}

#[tokio::test]
async fn webhooks_are_sent_once_with_an_id_or_not_at_all() {
    let scene = Scene::open().await;
    let url = format!("{}/nowhere", scene.stand_in.base_url()); // answers 404: no second try
    let hook = json!({ "webhook": { "url": url, "subscriptions": ["message_created"] } });
    let secret = scene.post("webhooks", &hook).await.unwrap().1["payload"]["webhook"]["secret"].clone();
    assert_eq!(scene.stand_in.webhook_secret(&url).as_deref(), secret.as_str());
    scene.note("told").await.unwrap();
    scene.until(|scene| scene.stand_in.deliveries().len() == 1).await;
    scene.stand_in.set_switches(json!({ "webhooks": "off" })).unwrap();
    scene.note("not told").await.unwrap();
    scene.stand_in.set_switches(json!({ "webhooks": "on" })).unwrap();
    scene.note("told again").await.unwrap();
    scene.until(|scene| scene.stand_in.deliveries().len() == 2).await;
    let deliveries = scene.stand_in.deliveries();
    assert_eq!(deliveries[0].status, Some(404));
    assert!(deliveries[0].id.is_some() && deliveries[0].id != deliveries[1].id);
    assert!(deliveries[1].body.contains("told again"));
}

#[tokio::test]
async fn a_recording_is_served_for_good_without_a_token() {
    let scene = Scene::open().await;
    let part = reqwest::multipart::Part::bytes(b"RIFF\0\0\0\0WAVEsound".as_slice()).file_name("voicemail.wav");
    let form = reqwest::multipart::Form::new().text("message_type", "incoming");
    let form = form.part("attachments[]", part.mime_str("audio/wav").unwrap());
    let path = scene.url(&format!("conversations/{}/messages", scene.conversation));
    let (status, message) = scene.send(scene.client.post(path).multipart(form)).await.unwrap();
    assert_eq!((status, &message["attachments"][0]["file_type"]), (200, &json!("audio")));
    let bytes = scene.client.get(message["attachments"][0]["data_url"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(bytes.bytes().await.unwrap().as_ref(), b"RIFF\0\0\0\0WAVEsound");
    assert_eq!(scene.stand_in.conversations()[0].messages[0].attachments[0].bytes, 17);
}

/// Fails where `own` has other keys or other JSON types than the sample; a list is known by its first item.
fn assert_same_shape(sample: &Value, own: &Value, path: &str) {
    match (sample, own) {
        (Value::Object(sample), Value::Object(own)) => {
            let (wanted, got): (Vec<_>, Vec<_>) = (sample.keys().collect(), own.keys().collect());
            assert_eq!(wanted, got, "{path}");
            sample.iter().for_each(|(key, value)| {
                assert_same_shape(value, &own[key], &format!("{path}.{key}"));
            });
        }
        (Value::Array(sample), Value::Array(own)) => {
            if let (Some(sample), Some(own)) = (sample.first(), own.first()) {
                assert_same_shape(sample, own, &format!("{path}[]"));
            }
        }
        (Value::Null, _) | (_, Value::Null) => {}
        _ => assert_eq!(std::mem::discriminant(sample), std::mem::discriminant(own), "{path}"),
    }
}

/// The samples of the contract that no recorded step covers. Not here, since the stand-in has no such things: a second
/// factor (`api.auth.sign_in.mfa_required`), custom roles (`api.profile.custom_role`) and the platform API. The recording
/// overrules `api.inboxes.agent_bot`: its `access_token` is an object.
#[tokio::test]
async fn what_no_step_covers_has_the_shape_of_the_contracts_samples() {
    let scene = Scene::open().await;
    let sample = |name: &str| -> Value {
        let file = fixtures().join("contracts/chatwoot").join(format!("{name}.json"));
        serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
    };
    for (name, path) in [("api.account.show", ""), ("api.account.cache_keys", "cache_keys")] {
        let (status, own) = scene.get(path).await.unwrap();
        assert_eq!(status, 200, "{name}");
        assert_same_shape(&sample(name), &own, name);
    }
    let conversation = format!("conversations/{}", scene.conversation);
    scene.note("for the list").await.unwrap();
    scene.post(&format!("{conversation}/assignments"), &json!({ "assignee_id": 2 })).await.unwrap();
    let (_, listed) = scene.get(&format!("{conversation}/messages")).await.unwrap();
    assert_same_shape(&sample("api.messages.list")["meta"], &listed["meta"], "api.messages.list/meta");
    let errors = sample("api.errors");
    scene.stand_in.set_state(State::TooMany);
    assert_eq!(scene.get("agents").await.unwrap().1, errors["429"]);
    scene.stand_in.set_state(State::Ok);
    let (_, flooded) = {
        for n in 0..200 {
            scene.note(&n.to_string()).await.unwrap();
        }
        scene.note("one too many").await.unwrap()
    };
    assert_eq!(flooded, errors["422_message_flood"]);
}
