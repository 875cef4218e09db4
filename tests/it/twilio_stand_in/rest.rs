//! The REST API.

use std::collections::BTreeSet;

use offhook::sandbox::twilio::{Behaviour, PhoneAction};
use serde_json::{Value, json};

use super::{ANA, BEN, BRAND, CALLER, Line, fixture, is_like};

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
    for (one, sample) in line.received("/status").iter().zip([
        "api-call-status-initiated",
        "api-call-status-ringing",
        "api-call-status-no-answer",
    ]) {
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
    let request = line
        .client
        .post(line.api("/Calls.json"))
        .basic_auth(line.twilio.account_sid(), Some(line.twilio.auth_token()))
        .form(&form);
    let lost = match request.send().await {
        Err(_) => true,
        Ok(reply) => reply.bytes().await.is_err(),
    };
    assert!(lost);
    let found = line.get("/Calls.json?To=%2B15550100003&StartTime%3E=2026-03-01").await.1;
    assert_eq!(found["calls"].as_array().unwrap().len(), 1);
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
        (body, sample) => {
            assert_eq!(std::mem::discriminant(body), std::mem::discriminant(sample), "{at}: {body} {sample}");
        }
    }
}

#[actix_web::test]
async fn every_reply_has_the_shape_of_its_sample() {
    let line = Line::open().await;
    let like = |body: &Value, sample: &str| {
        has_shape_of(body, &fixture(&format!("rest/{sample}.json"))["body"], sample);
    };
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
    like(
        &line.post(&format!("/Conferences/{room}/Participants/ana.json"), &[("Hold", "true")]).await.1,
        "participant-update-hold",
    );
    like(
        &line.post("/Conferences/call-42/Participants.json", &[("From", BRAND), ("To", BEN)]).await.1,
        "participant-create-201",
    );
    like(
        &line.post(&format!("/Calls/{sid}/Recordings.json"), &[("RecordingChannels", "dual")]).await.1,
        "call-recording-create",
    );
    let paused = line
        .post(
            &format!("/Calls/{sid}/Recordings/Twilio.CURRENT.json"),
            &[("Status", "paused"), ("PauseBehavior", "skip")],
        )
        .await
        .1;
    like(&paused, "call-recording-update-paused");
    line.post(&format!("/Calls/{sid}/Recordings/Twilio.CURRENT.json"), &[("Status", "in-progress")]).await;
    line.after(10).await;
    like(
        &line.post(&format!("/Conferences/{room}.json"), &[("Status", "completed")]).await.1,
        "conference-update-completed",
    );
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

    let gone = |path: String| {
        line.client.delete(path).basic_auth(line.twilio.account_sid(), Some(line.twilio.auth_token())).send()
    };
    let path = format!("/Recordings/{recording}.json");
    assert_eq!(gone(line.api(&path)).await.unwrap().status(), 204);
    assert_eq!(gone(line.api(&path)).await.unwrap().status(), 404);
    like(&line.get(&format!("{path}?IncludeSoftDeleted=true")).await.1, "recording-fetch-soft-deleted");
    line.is_faultless();
    line.close().await;
}

#[actix_web::test]
async fn a_participant_who_is_put_out_goes_on_with_its_own_document() {
    let line = Line::open().await;
    let room = "<Dial action=\"{base}/after\"><Conference participantLabel=\"LABEL\">call-42</Conference></Dial>";
    line.says("/voice", &room.replace("LABEL", "caller")).says("/agent", &room.replace("LABEL", "agent"));
    line.says("/after", "<Hangup/>");
    let caller = line.call().await;
    line.rings(ANA, "/agent").await;
    line.after(3).await;
    line.act(ANA, PhoneAction::Answer).await;
    let rooms = line.get("/Conferences.json?Status=in-progress").await.1;
    let room = rooms["conferences"][0]["sid"].as_str().unwrap().to_owned();
    let path = line.api(&format!("/Conferences/{room}/Participants/agent.json"));
    let account = line.twilio.account_sid();
    let reply = line.client.delete(path).basic_auth(account, Some(line.twilio.auth_token())).send().await.unwrap();
    assert_eq!(reply.status(), 204);
    line.after(1).await;
    assert_eq!(line.received("/after").len(), 1);
    assert_eq!(line.twilio.live_calls(), [caller]);
    assert_eq!(line.twilio.alone_since()[0].0, CALLER);
    line.is_faultless();
    line.close().await;
}

#[actix_web::test]
async fn a_call_may_bring_its_document_be_recorded_and_tell_machines_apart_meanwhile() {
    let line = Line::open().await;
    line.twilio.set_behaviour(ANA, Behaviour::AnswersAfter { secs: 1, presses: None, press_after_ms: 0 });
    let form = [
        ("To", ANA),
        ("From", BRAND),
        ("Twiml", "<Response><Say>Hello Ana</Say><Pause length=\"20\"/></Response>"),
        ("Record", "true"),
        ("RecordingStatusCallback", "{base}/file"),
        ("MachineDetection", "Enable"),
        ("AsyncAmd", "true"),
        ("AsyncAmdStatusCallback", "{base}/amd"),
    ];
    assert_eq!(line.post("/Calls.json", &form).await.0, 201);
    line.after(40).await;
    assert!(line.twilio.heard(ANA).contains(&"Hello Ana".to_owned()));
    is_like(&line.received("/amd")[0], "amd-status-human");
    assert_eq!(line.received("/file")[0].params["RecordingSource"], "OutboundAPI");
    assert_eq!(line.received("/file")[0].params["RecordingDuration"], "21");
    let relative = [("To", ANA), ("From", BRAND), ("Twiml", "<Response><Gather action=\"/menu\"/></Response>")];
    line.post("/Calls.json", &relative).await;
    line.is_faultless();
    line.after(10).await;
    assert_eq!(line.twilio.violations()[0].code, 11100);
    line.close().await;
}
