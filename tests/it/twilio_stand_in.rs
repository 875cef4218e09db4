//! The stand-in of Twilio, shown with a tiny scripted service: each verb, each switch, each sample.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use chrono::{DateTime, TimeDelta, Utc};
use offhook::sandbox::twilio::{Behaviour, Context, Options, PhoneAction, PhoneKind, TwilioStandIn, What, sign};
use serde_json::{Value, json};

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
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
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
        let reply = self.client.get(self.api(path)).basic_auth(self.twilio.account_sid(), Some(self.twilio.auth_token())).send().await.unwrap();
        (reply.status().as_u16(), reply.json().await.unwrap_or_default())
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> (u16, Value) {
        let form: Vec<(&str, String)> = form.iter().map(|(name, value)| (*name, value.replace("{base}", &self.base))).collect();
        let request = self.client.post(self.api(path)).basic_auth(self.twilio.account_sid(), Some(self.twilio.auth_token())).form(&form);
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

#[test]
fn its_signatures_are_those_of_the_official_libraries() {
    let file = fixture("signature-vectors.json");
    let mut judged = 0;
    for vector in file["vectors"].as_array().unwrap() {
        let is_form = vector["content_type"].as_str().is_some_and(|kind| kind.contains("form"));
        if !is_form || vector["method"] != "POST" || vector["url"].as_str().unwrap().contains("bodySHA256") {
            continue;
        }
        let raw = vector["raw_body"].as_str().unwrap_or_default();
        let params: Vec<(String, String)> = url::form_urlencoded::parse(raw.as_bytes()).into_owned().collect();
        let signature = sign(vector["auth_token"].as_str().unwrap(), vector["url"].as_str().unwrap(), &params);
        if vector["valid"] == false {
            assert_ne!(vector["signature"], signature.as_str(), "{}", vector["name"]);
        } else if !vector["name"].as_str().unwrap().contains("port") {
            assert_eq!(vector["signature"], signature.as_str(), "{}", vector["name"]);
        }
        judged += 1;
    }
    assert!(judged > 25, "{judged}");
}

#[actix_web::test]
async fn a_caller_hears_what_the_document_says_and_is_hung_up_at_its_end() {
    let line = Line::open().await;
    line.says("/voice", "<Say>Hello there</Say><Pause length=\"2\"/><Play>{base}/gone.wav</Play>");
    line.call().await;
    line.after(10).await;

    let heard = line.twilio.heard(CALLER);
    assert!(heard.contains(&"Hello there".to_owned()), "{heard:?}");
    let request = &line.received("/voice")[0];
    let mut wanted = keys_of("incoming-voice-request");
    wanted.remove("CallerName");
    assert_eq!(request.params.keys().cloned().collect::<BTreeSet<_>>(), wanted);
    let params: Vec<(String, String)> = url::form_urlencoded::parse(request.body.as_bytes()).into_owned().collect();
    assert_eq!(request.signature, sign(&line.twilio.auth_token(), &request.url, &params));
    is_like(&line.received("/ended")[0], "inbound-call-status-completed");
    assert!(line.twilio.live_calls().is_empty());
    line.is_faultless();
    line.close().await;
}

#[actix_web::test]
async fn withheld_and_forwarded_calls_look_like_their_samples() {
    let line = Line::open().await;
    line.says("/voice", "<Reject reason=\"busy\"/>");
    line.act(CALLER, PhoneAction::DialWithheld { to: BRAND.to_owned() }).await;
    line.act(CALLER, PhoneAction::DialForwarded { to: BRAND.to_owned(), forwarded_from: BEN.to_owned() }).await;
    let requests = line.received("/voice");
    is_like(&requests[0], "incoming-voice-request-anonymous");
    is_like(&requests[1], "incoming-voice-request-forwarded");
    assert_eq!(line.statuses("/ended"), ["busy", "busy"]);
    line.close().await;
}

#[actix_web::test]
async fn a_key_stops_the_prompt_and_goes_to_the_action() {
    let line = Line::open().await;
    line.says("/voice", "<Gather numDigits=\"1\" action=\"{base}/menu\"><Say>Press a key, any key you like</Say></Gather><Hangup/>");
    line.says("/menu", "<Say>Thanks</Say>");
    line.call().await;
    line.act(CALLER, PhoneAction::Keys("2".to_owned())).await;
    is_like(&line.received("/menu")[0], "gather-action-digits");
    assert_eq!(line.received("/menu")[0].params["Digits"], "2");
    line.is_faultless();
    line.close().await;
}

#[actix_web::test]
async fn silence_at_a_gather_goes_to_the_action_only_when_asked_for() {
    let line = Line::open().await;
    line.says("/voice", "<Gather timeout=\"3\" actionOnEmptyResult=\"true\" action=\"{base}/menu\"/>");
    line.says("/menu", "<Gather timeout=\"3\" action=\"{base}/never\"/><Say>Nothing then</Say>");
    line.call().await;
    line.after(4).await;
    is_like(&line.received("/menu")[0], "gather-action-empty");
    line.after(4).await;
    assert!(line.received("/never").is_empty());
    assert!(line.twilio.heard(CALLER).contains(&"Nothing then".to_owned()));
    line.close().await;
}

#[actix_web::test]
async fn keys_nobody_collects_are_lost_or_kept() {
    for (kept, wanted) in [("lost", 0), ("kept", 1)] {
        let line = Line::open().await;
        line.switch(json!({ "stray_keys": kept }));
        line.says("/voice", "<Say>Welcome to the house</Say><Gather numDigits=\"1\" action=\"{base}/menu\"/>");
        line.says("/menu", "<Hangup/>");
        line.call().await;
        line.act(CALLER, PhoneAction::Keys("7".to_owned())).await;
        line.after(3).await;
        assert_eq!(line.received("/menu").len(), wanted, "{kept}");
        line.close().await;
    }
}

#[actix_web::test]
async fn a_voicemail_is_recorded_transcribed_and_can_be_heard_with_the_key_only() {
    let line = Line::open().await;
    line.says(
        "/voice",
        "<Record action=\"{base}/done\" maxLength=\"60\" finishOnKey=\"#\" transcribe=\"true\" transcribeCallback=\"{base}/words\" \
         recordingStatusCallback=\"{base}/file#rc=3&amp;rp=all\" recordingStatusCallbackEvent=\"in-progress completed absent\"/>",
    );
    line.says("/done", "<Hangup/>");
    line.call().await;
    line.after(1).await;
    line.act(CALLER, PhoneAction::SpeakFor { text: "My sink is leaking".to_owned(), secs: 17 }).await;
    line.after(18).await;
    line.act(CALLER, PhoneAction::HangUp).await;
    line.after(20).await;

    is_like(&line.received("/done")[0], "record-action-hangup");
    let files = line.received("/file");
    is_like(&files[1], "recording-status-completed-voicemail");
    assert_eq!(files[1].params["RecordingDuration"], "17");
    is_like(&line.received("/words")[0], "transcribe-callback-completed");
    assert_eq!(line.received("/words")[0].params["TranscriptionText"], "My sink is leaking");

    let url = format!("{}.wav", files[1].params["RecordingUrl"]);
    assert_eq!(line.client.get(&url).send().await.unwrap().status(), 401);
    let sound = line.client.get(&url).basic_auth(line.twilio.account_sid(), Some(line.twilio.auth_token())).send().await.unwrap();
    let bytes = sound.bytes().await.unwrap();
    assert_eq!(&bytes[0..4], b"RIFF");
    assert_eq!(bytes.len(), 44 + 17 * 16_000);
    line.close().await;
}

#[actix_web::test]
async fn a_recording_of_silence_is_absent_and_goes_where_the_switch_says() {
    for (switch, actions) in [("next-verb", 0), ("action-empty-url", 1), ("action-without-url", 1)] {
        let line = Line::open().await;
        line.switch(json!({ "empty_record": switch }));
        line.says("/voice", "<Record action=\"{base}/done\" timeout=\"5\" recordingStatusCallback=\"{base}/file\" recordingStatusCallbackEvent=\"absent\"/>");
        line.says("/done", "<Hangup/>");
        line.call().await;
        line.after(12).await;
        assert_eq!(line.received("/done").len(), actions, "{switch}");
        is_like(&line.received("/file")[0], "recording-status-absent");
        line.close().await;
    }
}

const RING_BOTH: &str = "<Dial action=\"{base}/after\" timeout=\"20\" answerOnBridge=\"true\">\
    <Number url=\"{base}/screen\" statusCallback=\"{base}/leg\" statusCallbackEvent=\"initiated ringing answered completed\">+15550100003</Number>\
    <Number url=\"{base}/screen\" statusCallback=\"{base}/leg\" statusCallbackEvent=\"initiated ringing answered completed\">+15550100004</Number></Dial>";
const SCREEN: &str = "<Gather numDigits=\"1\" timeout=\"8\" action=\"{base}/accept\"><Say>Press 1</Say></Gather><Hangup/>";

#[actix_web::test]
async fn two_phones_ring_and_the_one_that_accepts_is_bridged() {
    let line = Line::open().await;
    line.says("/voice", RING_BOTH).says("/screen", SCREEN).says("/accept", "").says("/after", "<Hangup/>");
    line.call().await;
    line.after(3).await;
    assert_eq!((line.twilio.rings(ANA).len(), line.twilio.rings(BEN).len()), (1, 1));
    line.act(ANA, PhoneAction::Answer).await;
    line.after(1).await;
    assert!(line.twilio.rings(BEN)[0].until.is_none(), "Ben still rings while Ana listens");
    line.act(ANA, PhoneAction::Keys("1".to_owned())).await;
    assert_eq!(line.twilio.rings(BEN)[0].end, Some("canceled"));
    is_like(&line.received("/screen")[0], "number-screen-request");
    is_like(&line.received("/accept")[0], "number-screen-gather-action");
    assert_eq!(line.twilio.bridges().len(), 2);

    line.after(30).await;
    line.act(ANA, PhoneAction::HangUp).await;
    let after = &line.received("/after")[0];
    assert_eq!(after.params["DialCallStatus"], "completed");
    assert_eq!(after.params["DialCallDuration"], "30");
    let legs = line.received("/leg");
    for (status, sample) in [
        ("initiated", "number-status-initiated"),
        ("ringing", "number-status-ringing"),
        ("in-progress", "number-status-answered"),
        ("completed", "number-status-completed"),
        ("canceled", "number-status-completed-canceled"),
    ] {
        is_like(legs.iter().find(|leg| leg.params["CallStatus"] == status).unwrap(), sample);
    }
    line.is_faultless();
    line.close().await;
}

#[actix_web::test]
async fn under_the_other_reading_a_voicemail_that_answers_stops_every_phone() {
    let line = Line::open().await;
    line.switch(json!({ "dial_stops_at": "answer", "losing_leg_status": "no-answer" }));
    line.twilio.set_behaviour(ANA, Behaviour::CarrierVoicemail { after_secs: 2 });
    line.says("/voice", RING_BOTH).says("/screen", SCREEN).says("/after", "<Hangup/>");
    line.call().await;
    line.after(5).await;
    assert_eq!(line.twilio.rings(BEN)[0].end, Some("no-answer"));
    line.after(20).await;
    assert_eq!(line.received("/after")[0].params["DialCallStatus"], "no-answer");
    assert!(line.twilio.bridges().is_empty(), "a voicemail never presses");
    line.close().await;
}

#[actix_web::test]
async fn nobody_answers_and_the_action_says_so() {
    let line = Line::open().await;
    line.says("/voice", RING_BOTH).says("/after", "<Hangup/>");
    line.call().await;
    line.after(26).await;
    is_like(&line.received("/after")[0], "dial-action-no-answer");
    assert_eq!(line.received("/after")[0].params["CallStatus"], "ringing", "answerOnBridge keeps the call ringing");
    line.close().await;
}

#[actix_web::test]
async fn a_caller_waits_in_a_queue_and_meets_an_agent_in_a_conference() {
    let line = Line::open().await;
    line.says("/voice", "<Enqueue waitUrl=\"{base}/wait\" action=\"{base}/left\">brand-1</Enqueue>").says("/wait", "<Pause length=\"5\"/>");
    line.says("/agent", SCREEN);
    let room = "<Dial action=\"{base}/after\"><Conference beep=\"false\" endConferenceOnExit=\"true\" participantLabel=\"LABEL\" \
        statusCallback=\"{base}/room\" statusCallbackEvent=\"start end join leave\" record=\"record-from-start\" \
        recordingStatusCallback=\"{base}/file\">call-42</Conference></Dial>";
    line.says("/accept", &room.replace("LABEL", "agent")).says("/join", &room.replace("LABEL", "caller"));
    line.says("/after", "<Hangup/>");
    let caller = line.call().await;
    line.after(12).await;
    assert_eq!(line.received("/wait").len(), 3, "the wait document is asked for again whenever it runs out");
    is_like(&line.received("/wait")[1], "enqueue-wait-url");

    line.rings(ANA, "/agent").await;
    line.after(3).await;
    line.act(ANA, PhoneAction::Answer).await;
    line.act(ANA, PhoneAction::Keys("1".to_owned())).await;
    let (status, body) = line.post(&format!("/Calls/{caller}.json"), &[("Url", "{base}/join")]).await;
    assert_eq!((status, &body["status"]), (200, &json!("in-progress")));
    is_like(&line.received("/left")[0], "enqueue-action-redirected");
    assert_eq!(line.received("/left")[0].params["QueueResult"], "redirected");
    assert!(line.twilio.alone_since().is_empty());
    let bridges = line.twilio.bridges();
    assert!(bridges.iter().any(|bridge| bridge.phone == CALLER && bridge.with == [ANA]), "{bridges:?}");

    line.after(60).await;
    line.act(CALLER, PhoneAction::HangUp).await;
    line.after(10).await;
    assert!(line.twilio.live_calls().is_empty());
    let room = line.received("/room");
    let names: Vec<&str> = room.iter().map(|one| one.params["StatusCallbackEvent"].as_str()).collect();
    assert_eq!(names[..3], ["participant-join", "participant-join", "conference-start"]);
    for (event, sample) in [
        ("participant-join", "conference-participant-join"),
        ("conference-start", "conference-start"),
        ("participant-leave", "conference-participant-leave"),
        ("conference-end", "conference-end"),
    ] {
        is_like(room.iter().find(|one| one.params["StatusCallbackEvent"] == event).unwrap(), sample);
    }
    is_like(&line.received("/file")[0], "recording-status-completed-conference");
    is_like(line.received("/after").iter().find(|one| one.params["CallStatus"] == "in-progress").unwrap(), "dial-action-conference-answered");
    line.is_faultless();
    line.close().await;
}

#[actix_web::test]
async fn leaving_a_queue_or_hanging_up_in_it_tells_the_action() {
    let line = Line::open().await;
    line.says("/voice", "<Enqueue waitUrl=\"{base}/wait\" action=\"{base}/left\">brand-1</Enqueue>");
    line.says("/wait", "<Pause length=\"5\"/>").says("/wait", "<Leave/>").says("/left", "<Hangup/>");
    line.call().await;
    line.after(6).await;
    is_like(&line.received("/left")[0], "enqueue-action-leave");
    assert_eq!(line.received("/left")[0].params["QueueResult"], "leave");

    line.script.replies.lock().unwrap().remove("/wait");
    line.says("/wait", "<Pause length=\"5\"/>");
    line.call().await;
    line.after(1).await;
    line.act(CALLER, PhoneAction::HangUp).await;
    is_like(&line.received("/left")[1], "enqueue-action-hangup");
    assert_eq!(line.received("/left")[1].params["QueueResult"], "hangup");
    line.close().await;
}

#[actix_web::test]
async fn an_agent_takes_the_front_of_a_queue() {
    let line = Line::open().await;
    line.says("/voice", "<Enqueue action=\"{base}/left\">brand-1</Enqueue>").says("/left", "<Hangup/>");
    line.says("/agent", "<Dial action=\"{base}/after\"><Queue url=\"{base}/notice\">brand-1</Queue></Dial>");
    line.says("/notice", "<Say>This call is recorded</Say>").says("/after", "<Hangup/>");
    line.call().await;
    line.rings(ANA, "/agent").await;
    line.after(3).await;
    line.act(ANA, PhoneAction::Answer).await;
    is_like(&line.received("/notice")[0], "queue-url-request");
    line.after(5).await;
    assert_eq!(line.twilio.bridges().len(), 2);
    line.act(CALLER, PhoneAction::HangUp).await;
    is_like(&line.received("/after")[0], "dial-queue-action");
    assert_eq!(line.received("/left")[0].params["QueueResult"], "bridged");
    line.is_faultless();
    line.close().await;
}

#[actix_web::test]
async fn api_calls_start_one_a_second_and_one_called_off_while_queued_says_nothing() {
    let line = Line::open().await;
    let first = line.rings(ANA, "/agent").await;
    let second = line.rings(BEN, "/agent").await;
    assert_eq!(line.get(&format!("/Calls/{first}.json")).await.1["status"], "initiated");
    assert_eq!(line.get(&format!("/Calls/{second}.json")).await.1["status"], "queued");
    let (status, _) = line.post(&format!("/Calls/{second}.json"), &[("Status", "canceled")]).await;
    assert_eq!(status, 200);
    line.after(30).await;
    assert!(line.received("/status").iter().all(|one| one.params["CallSid"] == first));
    assert_eq!(line.statuses("/status"), ["initiated", "ringing", "no-answer"]);
    for (one, sample) in line.received("/status").iter().zip(["api-call-status-initiated", "api-call-status-ringing", "api-call-status-no-answer"]) {
        is_like(one, sample);
    }
    assert!(line.twilio.rings(BEN).is_empty());
    let (status, body) = line.post(&format!("/Calls/{second}.json"), &[("Status", "canceled")]).await;
    assert_eq!((status, &body["code"]), (400, &json!(21220)));
    line.is_faultless();
    line.close().await;
}

#[actix_web::test]
async fn mistakes_in_requests_are_refused_in_twilios_shape_and_kept() {
    let line = Line::open().await;
    let good = [("To", ANA), ("From", BRAND), ("Url", "{base}/agent")];
    for (extra, code) in [
        (("Foo", "1"), 20422),
        (("to", ANA), 20422),
        (("Method", "FOO"), 20422),
        (("Timeout", "9999"), 20422),
        (("StatusCallbackEvent", "answerd"), 20422),
        (("StatusCallback", "not a url"), 21205),
    ] {
        let form: Vec<(&str, &str)> = good.iter().copied().chain([extra]).collect();
        let before = line.twilio.violations().len();
        let (status, body) = line.post("/Calls.json", &form).await;
        assert_eq!((status, &body["code"]), (400, &json!(code)), "{extra:?}");
        assert_eq!(body.as_object().unwrap().len(), 4);
        assert_eq!(line.twilio.violations().len(), before + 1, "{extra:?}");
    }
    for (form, code) in [
        (vec![("To", "banana"), ("From", BRAND), ("Url", "{base}/a")], 21211),
        (vec![("To", ANA), ("From", CALLER), ("Url", "{base}/a")], 21210),
        (vec![("From", BRAND), ("Url", "{base}/a")], 21201),
        (vec![("To", ANA), ("From", BRAND)], 21205),
    ] {
        assert_eq!(line.post("/Calls.json", &form).await.1["code"], code);
    }
    line.twilio.refuse_number(ANA, Some(21215));
    assert_eq!(line.post("/Calls.json", &good).await.1["code"], 21215);
    line.twilio.refuse_number(ANA, None);
    line.switch(json!({ "concurrency_limit": 1 }));
    assert_eq!(line.post("/Calls.json", &good).await.0, 201);
    assert_eq!(line.post("/Calls.json", &good).await.1["code"], 10004);
    let unsigned = line.client.get(line.api("/Balance.json")).send().await.unwrap();
    assert_eq!(unsigned.status(), 401);
    assert_eq!(unsigned.json::<Value>().await.unwrap()["code"], 20003);
    assert_eq!(line.get("/Calls/CA00000000000000000000000000000000.json").await.1["code"], 20404);
    line.close().await;
}

#[actix_web::test]
async fn the_rest_server_can_be_ill() {
    let line = Line::open().await;
    for (health, status) in [("429", 429), ("500", 500), ("down", 503), ("ok", 200)] {
        line.switch(json!({ "rest": health }));
        assert_eq!(line.get("/Balance.json").await.0, status);
    }
    line.switch(json!({ "created_reply_lost_once": true }));
    let form = [("To", ANA), ("From", BRAND), ("Url", "http://127.0.0.1:9/agent")];
    let request = line.client.post(line.api("/Calls.json")).basic_auth(line.twilio.account_sid(), Some(line.twilio.auth_token())).form(&form);
    let lost = match request.send().await {
        Err(_) => true,
        Ok(reply) => reply.bytes().await.is_err(),
    };
    assert!(lost);
    let found = line.get("/Calls.json?To=%2B15550100003&StartTime%3E=2026-03-01").await.1;
    assert_eq!(found["calls"].as_array().unwrap().len(), 1);
    line.close().await;
}

#[actix_web::test]
async fn a_bad_document_is_kept_and_leads_to_the_fallback_or_the_end() {
    for (kind, text, code) in [
        ("text/xml", "<Response><Say>", 12100),
        ("text/xml", "", 11770),
        ("text/xml", "<Answer/>", 12102),
        ("text/xml", "<Response><Say loud=\"1\">x</Say></Response>", 12200),
        ("application/json", "{}", 12300),
    ] {
        let line = Line::open().await;
        line.answers("/voice", 200, kind, text).says("/fallback", "<Say>Sorry</Say>");
        line.call().await;
        assert_eq!(line.twilio.violations()[0].code, code);
        assert!(line.twilio.live_calls().is_empty(), "an application error ends the call");
        line.twilio.configure_number(BRAND, &format!("{}/voice", line.base), &format!("{}/fallback", line.base), "").unwrap();
        line.call().await;
        is_like(&line.received("/fallback")[0], "voice-fallback-request");
        assert_eq!(line.received("/fallback")[0].params["ErrorCode"], code.to_string());
        line.close().await;
    }
}

#[actix_web::test]
async fn a_screening_document_has_its_own_rules() {
    let line = Line::open().await;
    line.says("/voice", RING_BOTH).says("/screen", "<Dial>+15550100004</Dial>").says("/after", "<Hangup/>");
    line.call().await;
    line.after(3).await;
    line.act(ANA, PhoneAction::Answer).await;
    assert_eq!(line.twilio.violations()[0].code, 13201);
    assert!(line.twilio.bridges().is_empty());
    assert!(line.twilio.documents().iter().any(|document| document.context == Context::Screen));
    line.close().await;
}

#[actix_web::test]
async fn failed_callbacks_are_retried_with_the_same_token() {
    let line = Line::open().await;
    line.twilio.configure_number(BRAND, &format!("{}/voice", line.base), "", &format!("{}/ended#rc=2&rp=5xx", line.base)).unwrap();
    line.says("/voice", "<Hangup/>").answers("/ended", 503, "text/plain", "");
    line.call().await;
    let tries = line.received("/ended");
    assert_eq!(tries.len(), 3);
    assert!(tries.iter().all(|one| one.token == tries[0].token && !one.url.contains('#')));
    line.switch(json!({ "webhooks": "unreachable" }));
    line.act(CALLER, PhoneAction::Dial { to: BRAND.to_owned() }).await;
    assert_eq!(line.received("/voice").len(), 1);
    assert_eq!(line.twilio.violations().last().unwrap().code, 11205);
    line.close().await;
}

#[actix_web::test]
async fn callbacks_can_be_dropped_repeated_and_late() {
    let line = Line::open().await;
    line.says("/voice", "<Hangup/>");
    line.switch(json!({ "callbacks": { "repeat": 1.0, "delay_ms": 2000 } }));
    line.call().await;
    assert!(line.received("/ended").is_empty());
    line.after(3).await;
    assert_eq!(line.received("/ended").len(), 2);
    line.switch(json!({ "callbacks": { "drop": 1.0, "repeat": 0.0, "delay_ms": 0 } }));
    line.call().await;
    line.after(3).await;
    assert_eq!(line.received("/ended").len(), 2);
    assert!(line.twilio.log().iter().any(|entry| matches!(entry.what, What::CallbackDropped(_))));
    assert!(line.twilio.set_switches(&json!({ "callbacks": { "drop": 2.0 } })).is_err());
    assert!(line.twilio.set_switches(&json!({ "nonsense": 1 })).is_err());
    line.close().await;
}

#[actix_web::test]
async fn a_busy_handset_does_with_a_second_call_what_the_switch_says() {
    for (switch, rung, ended) in [("busy", 1, true), ("call-waiting", 2, false), ("voicemail", 1, false)] {
        let line = Line::open().await;
        line.switch(json!({ "second_call": switch, "calls_per_second": 0 }));
        line.says("/agent", "<Pause length=\"60\"/>");
        line.rings(ANA, "/agent").await;
        let second = line.rings(ANA, "/agent").await;
        line.after(5).await;
        assert_eq!(line.twilio.rings(ANA).len(), rung, "{switch}");
        assert_eq!(line.twilio.rung_twice_at_once(ANA).len(), rung - 1);
        assert_eq!(line.get(&format!("/Calls/{second}.json")).await.1["status"] == "busy", ended, "{switch}");
        line.close().await;
    }
}

#[actix_web::test]
async fn scripted_phones_answer_press_decline_and_vanish_by_themselves() {
    let line = Line::open().await;
    line.switch(json!({ "calls_per_second": 0 }));
    line.says("/agent", SCREEN).says("/accept", "<Hangup/>");
    line.twilio.set_behaviour(ANA, Behaviour::AnswersAfter { secs: 3, presses: Some("1".to_owned()), press_after_ms: 500 });
    line.twilio.set_behaviour(BEN, Behaviour::Declines);
    line.twilio.add_phone("+15550100005", "Cy", PhoneKind::Agent, Behaviour::Unreachable);
    for number in [ANA, BEN, "+15550100005"] {
        line.rings(number, "/agent").await;
    }
    line.after(10).await;
    let mut ends = line.statuses("/status");
    ends.retain(|status| !matches!(status.as_str(), "initiated" | "ringing" | "in-progress"));
    ends.sort();
    assert_eq!(ends, ["busy", "completed", "failed"]);
    assert_eq!(line.received("/accept")[0].params["Digits"], "1");
    line.close().await;
}

#[actix_web::test]
async fn two_agents_press_at_the_same_instant_and_both_webhooks_are_sent() {
    let line = Line::open().await;
    line.switch(json!({ "calls_per_second": 0 }));
    line.says("/agent", SCREEN).says("/accept", "<Hangup/>");
    line.rings(ANA, "/agent").await;
    line.rings(BEN, "/agent").await;
    line.after(3).await;
    line.act(ANA, PhoneAction::Answer).await;
    line.act(BEN, PhoneAction::Answer).await;
    let press = PhoneAction::Keys("1".to_owned());
    line.twilio.act_together(vec![(ANA.to_owned(), press.clone()), (BEN.to_owned(), press)]).await.unwrap();
    assert_eq!(line.received("/accept").len(), 2);
    line.close().await;
}

/// The members and JSON types of a sample are those of a reply; `null` and text may stand for each other.
fn has_shape_of(body: &Value, sample: &Value, at: &str) {
    match (body, sample) {
        (Value::Object(body), Value::Object(sample)) => {
            let keys = |map: &serde_json::Map<String, Value>| map.keys().cloned().collect::<BTreeSet<_>>();
            assert_eq!(keys(body), keys(sample), "{at}");
            for (key, value) in body {
                has_shape_of(value, &sample[key], &format!("{at}.{key}"));
            }
        }
        (Value::Array(body), Value::Array(sample)) => {
            for one in body {
                has_shape_of(one, &sample[0], &format!("{at}[]"));
            }
        }
        (Value::Null, _) | (_, Value::Null) => {}
        (body, sample) => assert_eq!(std::mem::discriminant(body), std::mem::discriminant(sample), "{at}: {body} {sample}"),
    }
}

#[actix_web::test]
async fn every_reply_has_the_shape_of_its_sample() {
    let line = Line::open().await;
    let like = |body: &Value, sample: &str| has_shape_of(body, &fixture(&format!("rest/{sample}.json"))["body"], sample);
    line.says("/agent", "<Dial><Conference participantLabel=\"ana\">call-42</Conference></Dial>");
    let (_, created) = line.post("/Calls.json", &[("To", ANA), ("From", BRAND), ("Url", "{base}/agent")]).await;
    like(&created, "calls-create-201");
    let sid = created["sid"].as_str().unwrap().to_owned();
    line.after(3).await;
    line.act(ANA, PhoneAction::Answer).await;
    like(&line.get(&format!("/Calls/{sid}.json")).await.1, "call-fetch-in-progress");
    like(&line.get("/Calls.json").await.1, "calls-list-children");
    let rooms = line.get("/Conferences.json?FriendlyName=call-42").await.1;
    like(&rooms, "conference-list");
    let room = rooms["conferences"][0]["sid"].as_str().unwrap().to_owned();
    like(&line.get(&format!("/Conferences/{room}.json")).await.1, "conference-fetch");
    like(&line.get(&format!("/Conferences/{room}/Participants.json")).await.1, "participants-list");
    like(&line.post(&format!("/Conferences/{room}/Participants/ana.json"), &[("Hold", "true")]).await.1, "participant-update-hold");
    like(&line.post("/Conferences/call-42/Participants.json", &[("From", BRAND), ("To", BEN)]).await.1, "participant-create-201");
    like(&line.post(&format!("/Calls/{sid}/Recordings.json"), &[("RecordingChannels", "dual")]).await.1, "call-recording-create");
    let paused = line.post(&format!("/Calls/{sid}/Recordings/Twilio.CURRENT.json"), &[("Status", "paused"), ("PauseBehavior", "skip")]).await.1;
    like(&paused, "call-recording-update-paused");
    line.post(&format!("/Calls/{sid}/Recordings/Twilio.CURRENT.json"), &[("Status", "in-progress")]).await;
    line.after(10).await;
    like(&line.post(&format!("/Conferences/{room}.json"), &[("Status", "completed")]).await.1, "conference-update-completed");
    like(&line.get(&format!("/Calls/{sid}.json")).await.1, "call-fetch-completed");
    line.after(5).await;
    let recordings = line.get("/Recordings.json").await.1;
    like(&recordings, "recordings-list");
    let recording = recordings["recordings"][0]["sid"].as_str().unwrap().to_owned();
    like(&line.get(&format!("/Recordings/{recording}.json")).await.1, "recording-fetch");
    like(&line.get(&format!("/Recordings/{recording}/Transcriptions.json")).await.1, "recording-transcriptions-list");
    let numbers = line.get("/IncomingPhoneNumbers.json?PhoneNumber=%2B15550100002").await.1;
    like(&numbers, "incoming-phone-numbers-list");
    let number = numbers["incoming_phone_numbers"][0]["sid"].as_str().unwrap();
    let path = format!("/IncomingPhoneNumbers/{number}.json");
    let updated = line.post(&path, &[("VoiceUrl", "{base}/new"), ("VoiceCallerIdLookup", "true")]).await.1;
    like(&updated, "incoming-phone-number-update");
    assert_eq!(updated["voice_url"], format!("{}/new", line.base));
    like(&line.get("/Balance.json").await.1, "balance-fetch");
    like(&line.get(".json").await.1, "account-fetch");

    let gone = |path: String| line.client.delete(path).basic_auth(line.twilio.account_sid(), Some(line.twilio.auth_token())).send();
    let path = format!("/Recordings/{recording}.json");
    assert_eq!(gone(line.api(&path)).await.unwrap().status(), 204);
    assert_eq!(gone(line.api(&path)).await.unwrap().status(), 404);
    like(&line.get(&format!("{path}?IncludeSoftDeleted=true")).await.1, "recording-fetch-soft-deleted");
    line.is_faultless();
    line.close().await;
}

#[actix_web::test]
async fn the_page_sees_every_phone() {
    let line = Line::open().await;
    line.says("/voice", "<Gather action=\"{base}/menu\"/>");
    let before = *line.twilio.subscribe().borrow();
    line.call().await;
    assert_ne!(*line.twilio.subscribe().borrow(), before);
    let phones = line.twilio.phones_state();
    assert_eq!(phones[0]["state"], "in_call");
    assert_eq!(phones[0]["with"], BRAND);
    assert_eq!(phones[0]["wants"], "keys");
    assert_eq!(phones[1]["state"], "idle");
    assert!(line.twilio.act(ANA, PhoneAction::Answer).await.is_err());
    line.close().await;
}
