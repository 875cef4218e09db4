use serde_json::{Map, Value};

use super::*;
use crate::twilio::transport::judge;

fn fixture(path: &str) -> Value {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/contracts/twilio");
    serde_json::from_str(&std::fs::read_to_string(format!("{folder}/{path}")).unwrap()).unwrap()
}

fn number(text: &str) -> PhoneNumber {
    serde_json::from_value(Value::from(text)).unwrap()
}

/// Judges a form by the contract's description of the request: names, types, values.
fn check_form(path: &str, fields: &Fields) {
    let document = fixture("openapi-subset.json");
    let form = "application/x-www-form-urlencoded";
    let mut schema = document["paths"][path]["post"]["requestBody"]["content"][form]["schema"].clone();
    let properties = schema["properties"].clone();
    let mut sent = Map::new();
    for (name, value) in fields {
        let kind = properties[*name]["type"].as_str();
        assert!(properties.get(*name).is_some(), "{path} has no parameter {name}");
        match kind {
            Some("array") => {
                let list = sent.entry(*name).or_insert_with(|| Value::Array(Vec::new()));
                list.as_array_mut().unwrap().push(Value::from(value.as_str()));
            }
            Some("integer") => drop(sent.insert((*name).to_owned(), Value::from(value.parse::<i64>().unwrap()))),
            Some("boolean") => drop(sent.insert((*name).to_owned(), Value::from(value.parse::<bool>().unwrap()))),
            _ => drop(sent.insert((*name).to_owned(), Value::from(value.as_str()))),
        }
    }
    schema["components"] = document["components"].clone();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let sent = Value::Object(sent);
    let errors: Vec<String> = validator.iter_errors(&sent).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{path}: {errors:?}");
}

#[test]
fn every_form_is_as_the_contract_describes_it() {
    let target = crate::config::Destinations::default().policy().approve(&number("+15550100003")).unwrap();
    let leg = NewLeg {
        to: &target,
        from: &number("+15550100002"),
        answer_url: "https://voice.example.com/twilio/agent-answer?call=1",
        status_url: "https://voice.example.com/twilio/agent-status?call=1",
        ring_s: 20,
        talk_limit_s: 14_400,
    };
    let account = "/2010-04-01/Accounts/{AccountSid}";
    check_form(&format!("{account}/Calls.json"), &rest_forms::place_call(&leg));
    let call = format!("{account}/Calls/{{Sid}}.json");
    check_form(&call, &rest_forms::end_call(EndAs::Canceled));
    check_form(&call, &rest_forms::end_call(EndAs::Completed));
    check_form(&call, &rest_forms::redirect_call("https://voice.example.com/twilio/join?call=1"));
    let settings = NumberSettings {
        voice_url: "https://voice.example.com/twilio/voice",
        fallback_url: "https://voice.example.com/twilio/fallback",
        status_url: "https://voice.example.com/twilio/call-status",
        caller_name_lookup: true,
    };
    check_form(&format!("{account}/IncomingPhoneNumbers/{{Sid}}.json"), &rest_forms::update_number(&settings));
}

#[test]
fn every_sample_answer_is_understood() {
    fn reads<T: DeserializeOwned>(name: &str) -> T {
        serde_json::from_value(fixture(&format!("rest/{name}.json"))["body"].clone())
            .unwrap_or_else(|error| panic!("{name}: {error}"))
    }
    assert!(is_sid("CA", &reads::<CallResource>("calls-create-201").sid));
    assert!(reads::<CallResource>("call-fetch-completed").is_over());
    assert!(!reads::<CallResource>("call-fetch-in-progress").is_over());
    for name in ["call-update-canceled", "call-update-completed", "call-update-redirect"] {
        reads::<CallResource>(name);
    }
    assert!(!reads::<Calls>("calls-list-children").calls.is_empty());
    assert!(!reads::<Rooms>("conference-list").conferences.is_empty());
    assert!(!reads::<Participants>("participants-list").participants.is_empty());
    assert!(!reads::<Recordings>("recordings-list").recordings.is_empty());
    reads::<RecordingResource>("recording-fetch");
    assert!(!reads::<Transcriptions>("recording-transcriptions-list").transcriptions.is_empty());
    assert!(!reads::<Numbers>("incoming-phone-numbers-list").incoming_phone_numbers.is_empty());
    reads::<NumberResource>("incoming-phone-number-update");
    assert_eq!(reads::<AccountResource>("account-fetch").status.as_deref(), Some("active"));
}

#[test]
fn every_sample_error_is_judged() {
    for sample in fixture("rest/errors.json")["errors"].as_array().unwrap() {
        let status = u16::try_from(sample["http_status"].as_u64().unwrap()).unwrap();
        let error = judge("test", status, sample["body"].to_string().as_bytes());
        let code = sample["body"]["code"].as_u64().and_then(|code| u32::try_from(code).ok());
        match status {
            429 => assert!(error.is_transient() && !error.may_have_happened()),
            500.. => assert!(error.is_transient() && error.may_have_happened()),
            _ => assert_eq!(error.code(), code),
        }
    }
    assert!(judge("test", 400, br#"{"code":21214}"#).is_unreachable_number());
    assert!(judge("test", 400, br#"{"code":21220}"#).is_wrong_state());
    assert!(judge("test", 404, b"<html>").is_not_found());
    assert!(judge("test", 400, br#"{"code":10004}"#).is_concurrency_limit());
}
