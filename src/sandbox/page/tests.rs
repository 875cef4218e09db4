use std::sync::Mutex;

use actix_web::test::{TestRequest, call_service, init_service, read_body_json};
use futures_util::StreamExt;

use super::*;

/// Notes what it is asked, refuses the number `+0`.
struct Noting {
    asked: Mutex<Vec<String>>,
    count: watch::Sender<u64>,
}

impl Noting {
    fn new() -> Arc<Self> {
        Arc::new(Self { asked: Mutex::default(), count: watch::Sender::new(0) })
    }

    fn boxed(self: &Arc<Self>) -> Arc<dyn Stage> {
        Arc::<Self>::clone(self)
    }

    fn note(&self, what: String) -> Result<(), String> {
        self.asked.lock().unwrap().push(what);
        Ok(())
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

#[async_trait]
impl Stage for Noting {
    async fn state(&self) -> Parts {
        let count = *self.count.borrow();
        Parts {
            now: DateTime::from_timestamp(1_780_000_000, 0).unwrap(),
            panel_url: "http://127.0.0.1:1/app/".to_owned(),
            brands: vec![Brand {
                brand: "acme".to_owned(),
                name: "Acme".to_owned(),
                number: "+15550100002".to_owned(),
            }],
            phones: json!([]),
            inbox: json!({ "count": count }),
            twilio_switches: json!({ "rest": "ok" }),
            chatwoot_switches: json!({ "state": "ok" }),
        }
    }

    async fn act(&self, number: &str, action: PhoneAction) -> Result<(), String> {
        if number == "+0" {
            return Err("this phone is idle".to_owned());
        }
        self.note(format!("{number} {action:?}"))
    }

    async fn set_switches(&self, change: SwitchesChange) -> Result<(), String> {
        self.note(format!("{:?} {:?}", change.twilio.map(|v| v.to_string()), change.chatwoot.map(|v| v.to_string())))
    }

    async fn set_availability(&self, agent_id: i64, availability: &str) -> Result<(), String> {
        self.note(format!("{agent_id} {availability}"))
    }

    async fn reply(&self, conversation: i64, reply: Reply) -> Result<(), String> {
        self.note(format!("{conversation} {} {} {}", reply.agent_id, reply.content, reply.private))
    }

    fn subscribe(&self) -> Vec<watch::Receiver<u64>> {
        vec![self.count.subscribe(), watch::Sender::new(0).subscribe()]
    }
}

async fn post(stage: &Arc<Noting>, path: &str, body: Value) -> (u16, Value) {
    let app = init_service(App::new().configure(routes(stage.boxed()))).await;
    let given = call_service(&app, TestRequest::post().uri(path).set_json(body).to_request()).await;
    let status = given.status().as_u16();
    (status, if status == 204 { Value::Null } else { read_body_json(given).await })
}

#[actix_web::test]
async fn every_action_of_the_page_reaches_the_stage() {
    let stage = Noting::new();
    let phone = "/sandbox/api/phones/%2B15550100001";
    for (path, body) in [
        (format!("{phone}/dial"), json!({ "to": "+15550100002" })),
        (format!("{phone}/answer"), json!({})),
        (format!("{phone}/decline"), json!({})),
        (format!("{phone}/voicemail"), json!({})),
        (format!("{phone}/hang-up"), json!({})),
        (format!("{phone}/keys"), json!({ "keys": "1#" })),
        (format!("{phone}/speak"), json!({ "text": "Hello" })),
        ("/sandbox/api/switches".to_owned(), json!({ "chatwoot": { "state": "down" } })),
        ("/sandbox/api/agents/12/availability".to_owned(), json!({ "availability": "busy" })),
        ("/sandbox/api/conversations/42/reply".to_owned(), json!({ "agent_id": 12, "content": "Hi", "private": true })),
    ] {
        assert_eq!(post(&stage, &path, body).await, (204, Value::Null), "{path}");
    }
    assert_eq!(
        stage.asked(),
        [
            "+15550100001 Dial(\"+15550100002\")",
            "+15550100001 Answer",
            "+15550100001 Decline",
            "+15550100001 Voicemail",
            "+15550100001 HangUp",
            "+15550100001 Keys(\"1#\")",
            "+15550100001 Speak(\"Hello\")",
            "None Some(\"{\\\"state\\\":\\\"down\\\"}\")",
            "12 busy",
            "42 12 Hi true",
        ]
    );
}

#[actix_web::test]
async fn what_makes_no_sense_now_is_refused_in_words() {
    let stage = Noting::new();
    let refused = post(&stage, "/sandbox/api/phones/+0/answer", json!({})).await;
    assert_eq!(refused, (409, json!({ "error": "this phone is idle" })));
}

#[actix_web::test]
async fn what_never_makes_sense_does_not_reach_the_stage() {
    let stage = Noting::new();
    for (path, body, status) in [
        ("/sandbox/api/phones/+1/dial", json!({}), 400),
        ("/sandbox/api/phones/+1/keys", json!({ "keys": "1a" }), 400),
        ("/sandbox/api/phones/+1/keys", json!({ "keys": "" }), 400),
        ("/sandbox/api/phones/+1/speak", json!({ "text": " " }), 400),
        ("/sandbox/api/phones/+1/answer", json!({ "loudly": true }), 400),
        ("/sandbox/api/phones/+1/explode", json!({}), 404),
        ("/sandbox/api/agents/12/availability", json!({ "availability": "away" }), 400),
        ("/sandbox/api/conversations/42/reply", json!({ "agent_id": 1, "content": "", "private": false }), 400),
        ("/sandbox/api/switches", json!({ "weather": {} }), 400),
    ] {
        let (got, answer) = post(&stage, path, body.clone()).await;
        assert_eq!(got, status, "{path} {body}");
        assert!(answer["error"].is_string(), "{path} {body}");
    }
    assert!(stage.asked().is_empty());
}

#[actix_web::test]
async fn a_form_from_a_foreign_page_is_not_taken_for_an_action() {
    let stage = Noting::new();
    let app = init_service(App::new().configure(routes(stage.boxed()))).await;
    let forged = TestRequest::post()
        .uri("/sandbox/api/phones/+1/answer")
        .insert_header(("content-type", "text/plain"))
        .set_payload("{}")
        .to_request();
    assert_eq!(call_service(&app, forged).await.status(), 400);
    assert!(stage.asked().is_empty());
}

/// Reads one event of an open stream.
async fn next_event(events: &mut (impl Stream<Item = Result<Bytes, Infallible>> + Unpin)) -> (String, Value) {
    let Some(Ok(bytes)) = events.next().await else { panic!("the stream ended") };
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let (name, data) = text.trim_end().split_once('\n').unwrap();
    let data = data.strip_prefix("data: ").unwrap();
    (name.strip_prefix("event: ").unwrap().to_owned(), serde_json::from_str(data).unwrap())
}

#[actix_web::test]
async fn the_stream_tells_the_state_at_once_after_each_change_and_beats_when_quiet() {
    let stage = Noting::new();
    let pace = Pace { states: Duration::from_millis(1), beats: Duration::from_millis(5) };
    let mut body = Box::pin(events(stage.boxed(), pace));

    let (name, state) = next_event(&mut body).await;
    assert_eq!((name.as_str(), &state["inbox"]["count"]), ("state", &json!(0)));
    assert_eq!(state["now"], "2026-05-28T20:26:40.000Z");
    assert_eq!(state["switches"], json!({ "twilio": { "rest": "ok" }, "chatwoot": { "state": "ok" } }));

    assert_eq!(next_event(&mut body).await.0, "beat");

    // A count that changes nothing to see is not told.
    stage.count.send_modify(|_| {});
    assert_eq!(next_event(&mut body).await.0, "beat");

    // A burst becomes one state, the last.
    for count in 1..=5 {
        stage.count.send_replace(count);
    }
    assert_eq!(next_event(&mut body).await.1["inbox"]["count"], 5);
    assert_eq!(next_event(&mut body).await.0, "beat");
}

#[actix_web::test]
async fn the_page_is_served_on_a_free_port_and_stops() {
    let server = serve(Noting::new(), 0).unwrap();
    let address = server.url.trim_start_matches("http://").trim_end_matches('/').to_owned();
    let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut stream, b"GET /sandbox/ HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") || answer.contains("This build has no pages"), "{answer}");
    assert!(answer.to_lowercase().contains("frame-ancestors 'none'"), "{answer}");
    server.stop().await;
    assert!(tokio::net::TcpStream::connect(&address).await.is_err());
}
