//! Single legs, queues and conferences.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use offhook::sandbox::twilio::{PhoneAction, sign};
use serde_json::json;

use super::{ANA, CALLER, Line, SCREEN, is_like, keys_of};

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
async fn a_key_stops_the_prompt_and_goes_to_the_action() {
    let line = Line::open().await;
    line.says(
        "/voice",
        "<Gather numDigits=\"1\" action=\"{base}/menu\"><Say>Press a key, any key you like</Say></Gather><Hangup/>",
    );
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
    let sound = line
        .client
        .get(&url)
        .basic_auth(line.twilio.account_sid(), Some(line.twilio.auth_token()))
        .send()
        .await
        .unwrap();
    let bytes = sound.bytes().await.unwrap();
    assert_eq!(&bytes[0..4], b"RIFF");
    assert_eq!(bytes.len(), 44 + 17 * 16_000);
    line.close().await;
}

/// Instants of a real clock do not fall on whole milliseconds, and people begin to speak while the tone sounds.
#[actix_web::test]
async fn words_begun_during_the_tone_end_in_the_silence_after_them() {
    let line = Line::open().await;
    line.says("/voice", "<Record action=\"{base}/done\" timeout=\"5\" maxLength=\"120\"/>");
    line.says("/done", "<Hangup/>");
    line.call().await;
    line.twilio.advance_to(line.twilio.now() + TimeDelta::microseconds(300_250)).await;
    line.act(CALLER, PhoneAction::SpeakFor { text: "My sink is leaking".to_owned(), secs: 4 }).await;
    line.after(9).await;
    assert_eq!(line.received("/done").len(), 0, "the tone, the words and the silence are not over");
    line.after(1).await;
    assert_eq!(line.received("/done")[0].params["RecordingDuration"], "4");
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

#[actix_web::test]
async fn a_caller_waits_in_a_queue_and_meets_an_agent_in_a_conference() {
    let line = Line::open().await;
    line.says("/voice", "<Enqueue waitUrl=\"{base}/wait\" action=\"{base}/left\">brand-1</Enqueue>")
        .says("/wait", "<Pause length=\"5\"/>");
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
    is_like(
        line.received("/after").iter().find(|one| one.params["CallStatus"] == "in-progress").unwrap(),
        "dial-action-conference-answered",
    );
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
async fn somebody_who_talks_to_nobody_is_noticed() {
    let line = Line::open().await;
    line.says("/agent", "<Dial><Conference>call-42</Conference></Dial>");
    line.rings(ANA, "/agent").await;
    line.after(3).await;
    line.act(ANA, PhoneAction::Answer).await;
    let since = line.twilio.now();
    line.after(30).await;
    assert_eq!(line.twilio.alone_since(), [(ANA.to_owned(), since)]);
    line.close().await;
}

#[actix_web::test]
async fn a_failing_wait_document_puts_the_caller_out_of_the_queue() {
    let line = Line::open().await;
    line.says("/voice", "<Enqueue waitUrl=\"{base}/wait\" action=\"{base}/left\">brand-1</Enqueue>");
    line.answers("/wait", 500, "text/plain", "").says("/left", "<Hangup/>");
    line.call().await;
    is_like(&line.received("/left")[0], "enqueue-action-error");
    line.close().await;
}

#[actix_web::test]
async fn talks_are_recorded_from_the_answer_when_the_dial_asks_for_it() {
    let line = Line::open().await;
    line.says(
        "/voice",
        "<Dial action=\"{base}/after\" record=\"record-from-answer-dual\" recordingStatusCallback=\"{base}/file\" \
         recordingStatusCallbackEvent=\"in-progress completed\">+15550100003</Dial>",
    );
    line.says("/after", "<Hangup/>");
    line.call().await;
    line.after(3).await;
    line.act(ANA, PhoneAction::Answer).await;
    line.act(CALLER, PhoneAction::Speak("Hello?".to_owned())).await;
    assert!(line.twilio.heard(ANA).contains(&"Hello?".to_owned()));
    line.after(180).await;
    line.act(ANA, PhoneAction::HangUp).await;
    line.after(5).await;
    is_like(&line.received("/after")[0], "dial-action-completed");
    assert_eq!(line.received("/after")[0].params["RecordingDuration"], "180");
    is_like(&line.received("/file")[0], "recording-status-in-progress");
    is_like(&line.received("/file")[1], "recording-status-completed-dial");
    assert_eq!(line.twilio.recordings()[0].channels, 2);
    line.is_faultless();
    line.close().await;
}

#[actix_web::test]
async fn a_caller_alone_in_a_conference_hears_the_wait_document_once() {
    let line = Line::open().await;
    line.says(
        "/voice",
        "<Dial><Conference waitUrl=\"{base}/music\" startConferenceOnEnter=\"false\">call-42</Conference></Dial>",
    );
    line.says("/music", "<Say>One moment</Say>");
    line.call().await;
    line.after(60).await;
    assert_eq!(line.received("/music").len(), 1);
    is_like(&line.received("/music")[0], "conference-wait-url");
    line.is_faultless();
    line.close().await;
}

#[actix_web::test]
async fn a_redirect_loop_of_waiting_goes_on_and_a_wrong_verb_ends_it() {
    let line = Line::open().await;
    line.says(
        "/voice",
        "<Dial action=\"{base}/after\"><Conference waitUrl=\"{base}/music\">call-42</Conference></Dial>",
    );
    line.says("/music", "<Pause length=\"2\"/><Redirect/>").says("/music", "<Pause length=\"2\"/><Redirect/>");
    line.says("/music", "<Hangup/>").says("/after", "<Hangup/>");
    line.call().await;
    line.after(5).await;
    assert_eq!(line.received("/music").len(), 3);
    assert_eq!(line.twilio.violations()[0].code, 13238);
    assert_eq!(line.received("/after")[0].params["DialBridged"], "false");
    line.close().await;
}

#[actix_web::test]
async fn a_live_call_is_recorded_over_rest() {
    let line = Line::open().await;
    line.says("/voice", "<Pause length=\"30\"/>");
    let call = line.call().await;
    line.after(31).await;
    let caller = line.call().await;
    assert_eq!(line.post(&format!("/Calls/{call}/Recordings.json"), &[]).await.1["code"], 21220);
    line.says("/menu", "<Gather action=\"{base}/menu\" timeout=\"60\"/>");
    line.after(1).await;
    let form = [("Url", "{base}/menu"), ("FallbackUrl", "{base}/fallback")];
    let early = line.post(&format!("/Calls/{caller}.json"), &form).await;
    assert_eq!(early.1["code"], 21220, "a first Pause keeps the call ringing");
    line.close().await;
}
