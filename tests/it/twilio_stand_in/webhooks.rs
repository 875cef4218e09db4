//! Signatures, deliveries and bad documents.

use offhook::sandbox::twilio::{Behaviour, Options, PhoneAction, PhoneKind, TwilioStandIn, What, sign};
use serde_json::json;

use super::{ANA, BEN, BRAND, CALLER, Line, fixture, is_like};

/// The URLs Twilio may have signed when a service sees `url` (contract 1.2).
fn candidates(url: &str) -> Vec<String> {
    let parsed = url::Url::parse(url).unwrap();
    let (scheme, rest) = url.split_once("://").unwrap();
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (user, address) = authority.rsplit_once('@').map_or(("", authority), |(user, address)| (user, address));
    let at = if user.is_empty() { "" } else { "@" };
    let host = format!("{user}{at}{}", address.split(':').next().unwrap());
    let port = parsed.port_or_known_default().unwrap();
    vec![format!("{scheme}://{host}{path}"), format!("{scheme}://{host}:{port}{path}")]
}

#[test]
fn its_signatures_are_those_of_the_official_libraries() {
    let file = fixture("signature-vectors.json");
    let mut judged = 0;
    for vector in file["vectors"].as_array().unwrap() {
        let url = vector["url"].as_str().unwrap();
        let is_form = vector["method"] == "POST" && !url.contains("bodySHA256");
        let raw = if is_form { vector["raw_body"].as_str().unwrap_or_default() } else { "" };
        let params: Vec<(String, String)> = url::form_urlencoded::parse(raw.as_bytes()).into_owned().collect();
        let token = vector["auth_token"].as_str().unwrap();
        let matches = candidates(url).iter().any(|url| vector["signature"] == sign(token, url, &params).as_str());
        if is_form || vector["valid"] == true {
            assert_eq!(json!(matches), vector["valid"], "{}", vector["name"]);
            judged += 1;
        }
    }
    assert!(judged > 40, "{judged}");
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
        line.twilio
            .configure_number(BRAND, &format!("{}/voice", line.base), &format!("{}/fallback", line.base), "")
            .unwrap();
        line.call().await;
        is_like(&line.received("/fallback")[0], "voice-fallback-request");
        assert_eq!(line.received("/fallback")[0].params["ErrorCode"], code.to_string());
        line.close().await;
    }
}

#[actix_web::test]
async fn failed_callbacks_are_retried_with_the_same_token() {
    let line = Line::open().await;
    line.twilio
        .configure_number(BRAND, &format!("{}/voice", line.base), "", &format!("{}/ended#rc=2&rp=5xx", line.base))
        .unwrap();
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
async fn on_real_time_it_drives_itself() {
    let options = Options { numbers: vec![BRAND.to_owned()], ..Options::default() };
    let twilio = TwilioStandIn::start(options).await.unwrap();
    let line = Line::open().await;
    line.says("/voice", "<Reject/>");
    twilio.configure_number(BRAND, &format!("{}/voice", line.base), "", &format!("{}/ended", line.base)).unwrap();
    twilio.add_phone(CALLER, "Jane Doe", PhoneKind::Customer, Behaviour::Manual);
    let mut changes = twilio.subscribe();
    twilio.act(CALLER, PhoneAction::Dial { to: BRAND.to_owned() }).await.unwrap();
    while twilio.webhooks().len() < 2 {
        changes.changed().await.unwrap();
    }
    assert_eq!(line.statuses("/ended"), ["no-answer"]);
    twilio.stop().await;
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

#[actix_web::test]
async fn the_documents_of_the_contract_are_accepted() {
    let line = Line::open().await;
    line.says(
        "/voice",
        "<Say voice=\"Polly.Joanna-Neural\" language=\"en-US\">We missed you. Please leave a message after the tone.</Say>\
         <Record action=\"{base}/done\" method=\"POST\" maxLength=\"120\" timeout=\"10\" finishOnKey=\"#\" playBeep=\"true\" \
         trim=\"trim-silence\" recordingStatusCallback=\"{base}/file#rc=3&amp;rp=all\" \
         recordingStatusCallbackEvent=\"completed absent\"/>",
    );
    line.says("/done", "<Hangup/>");
    line.call().await;
    line.after(6).await;
    line.act(CALLER, PhoneAction::Speak("Hi this is Jane please call me back".to_owned())).await;
    line.after(5).await;
    line.act(CALLER, PhoneAction::Keys("#".to_owned())).await;
    is_like(&line.received("/done")[0], "record-action");
    assert_eq!(line.received("/done")[0].params["Digits"], "#");
    line.is_faultless();
    line.close().await;
}

#[actix_web::test]
async fn a_get_webhook_has_its_parameters_in_the_signed_url() {
    let line = Line::open().await;
    line.says("/voice", "<Redirect method=\"GET\">{base}/next?call=42</Redirect>").says("/next", "<Hangup/>");
    line.call().await;
    let next = &line.received("/next")[0];
    assert_eq!(next.params["call"], "42");
    assert_eq!(next.params["From"], CALLER);
    assert_eq!(next.signature, sign(&line.twilio.auth_token(), &next.url, &[]));
    line.is_faultless();
    line.close().await;
}
