//! Several phones at once, and what phones do.

use offhook::sandbox::twilio::{Behaviour, Context, PhoneAction, PhoneKind};
use serde_json::json;

use super::{ANA, BEN, BRAND, CALLER, Line, RING_BOTH, SCREEN, is_like};

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
    line.twilio
        .set_behaviour(ANA, Behaviour::AnswersAfter { secs: 3, presses: Some("1".to_owned()), press_after_ms: 500 });
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

#[actix_web::test]
async fn machines_are_told_apart_when_asked() {
    let line = Line::open().await;
    line.switch(json!({ "calls_per_second": 0 }));
    line.says("/agent", "<Hangup/>");
    line.twilio.set_behaviour(ANA, Behaviour::CarrierVoicemail { after_secs: 1 });
    let form = [("To", ANA), ("From", BRAND), ("Url", "{base}/agent"), ("MachineDetection", "Enable")];
    line.post("/Calls.json", &form).await;
    line.after(10).await;
    is_like(&line.received("/agent")[0], "api-call-answered-url-request-amd");
    assert_eq!(line.received("/agent")[0].params["AnsweredBy"], "machine_start");
    line.close().await;
}

#[actix_web::test]
async fn whoever_hangs_up_while_phones_ring_stops_them() {
    for (sent, actions) in [(true, 1), (false, 0)] {
        let line = Line::open().await;
        line.switch(json!({ "dial_action_after_hangup": sent }));
        line.says("/voice", RING_BOTH).says("/after", "<Hangup/>");
        line.call().await;
        line.after(4).await;
        line.act(CALLER, PhoneAction::HangUp).await;
        assert_eq!(line.twilio.rings(ANA)[0].end, Some("canceled"));
        assert_eq!(line.received("/after").len(), actions);
        if sent {
            is_like(&line.received("/after")[0], "dial-action-canceled");
        }
        line.close().await;
    }
}

#[actix_web::test]
async fn legs_that_cannot_be_put_through_look_like_their_samples() {
    let line = Line::open().await;
    line.switch(json!({ "calls_per_second": 0 }));
    line.says("/voice", RING_BOTH).says("/after", "<Hangup/>");
    line.twilio.set_behaviour(ANA, Behaviour::Busy);
    line.twilio.set_behaviour(BEN, Behaviour::Unreachable);
    line.call().await;
    line.after(5).await;
    let legs = line.received("/leg");
    for status in ["busy", "failed"] {
        let leg = legs.iter().find(|leg| leg.params["CallStatus"] == status).unwrap();
        is_like(leg, &format!("number-status-completed-{status}"));
        assert_eq!(leg.params["SequenceNumber"], "1", "a busy phone did not ring");
    }
    is_like(&line.received("/after")[0], "dial-action-busy");
    line.rings(ANA, "/agent").await;
    line.rings(BEN, "/agent").await;
    line.after(5).await;
    for status in ["busy", "failed"] {
        let news = line.received("/status");
        let one = news.iter().find(|one| one.params["CallStatus"] == status).unwrap();
        is_like(one, &format!("api-call-status-{status}"));
    }
    line.close().await;
}

#[actix_web::test]
async fn completing_a_ringing_leg_ends_it_as_the_switch_says() {
    for wanted in ["canceled", "completed", "no-answer"] {
        let line = Line::open().await;
        line.switch(json!({ "completed_while_ringing": wanted }));
        let sid = line.rings(ANA, "/agent").await;
        line.after(3).await;
        line.post(&format!("/Calls/{sid}.json"), &[("Status", "completed")]).await;
        assert_eq!(line.statuses("/status").last().unwrap(), wanted);
        assert_eq!(line.twilio.rings(ANA)[0].end, Some(wanted));
        line.close().await;
    }
}

#[actix_web::test]
async fn a_failed_screening_never_bridges_under_either_reading() {
    for (switch, fallbacks) in [("drop", 0), ("fallback", 1)] {
        let line = Line::open().await;
        line.switch(json!({ "failed_screen": switch }));
        line.twilio
            .configure_number(BRAND, &format!("{}/voice", line.base), &format!("{}/fallback", line.base), "")
            .unwrap();
        line.says("/voice", RING_BOTH).says("/fallback", "<Say>Sorry</Say>");
        line.answers("/screen", 500, "text/plain", "").says("/after", "<Hangup/>");
        line.call().await;
        line.after(3).await;
        line.act(ANA, PhoneAction::Answer).await;
        line.after(5).await;
        assert_eq!(line.received("/fallback").len(), fallbacks);
        assert!(line.twilio.bridges().is_empty());
        assert_eq!(line.statuses("/leg").last().unwrap(), "completed");
        line.close().await;
    }
}

#[actix_web::test]
async fn a_leg_taken_out_of_its_dial_over_rest_lives_on_and_the_dial_ends() {
    let line = Line::open().await;
    line.says("/voice", RING_BOTH).says("/screen", SCREEN).says("/after", "<Pause length=\"60\"/>");
    line.says("/elsewhere", "<Pause length=\"60\"/>");
    line.call().await;
    line.after(3).await;
    line.act(ANA, PhoneAction::Answer).await;
    let leg = line.received("/screen")[0].params["CallSid"].clone();
    line.post(&format!("/Calls/{leg}.json"), &[("Url", "{base}/elsewhere")]).await;
    line.act(BEN, PhoneAction::Decline).await;
    assert_eq!(line.received("/after").len(), 1);
    line.act(CALLER, PhoneAction::HangUp).await;
    assert_eq!(line.twilio.live_calls(), [leg]);
    line.is_faultless();
    line.close().await;
}

#[actix_web::test]
async fn numbers_of_a_sequential_dial_ring_one_after_the_other() {
    let line = Line::open().await;
    line.says(
        "/voice",
        "<Dial sequential=\"true\" timeout=\"10\" action=\"{base}/after\"><Number>+15550100003</Number>\
         <Number>+15550100004</Number></Dial>",
    );
    line.says("/after", "<Hangup/>");
    line.call().await;
    line.after(40).await;
    let (ana, ben) = (line.twilio.rings(ANA), line.twilio.rings(BEN));
    assert!(ana[0].until.unwrap() <= ben[0].from);
    assert_eq!(line.received("/after").len(), 1);
    line.close().await;
}
