//! Where Twilio's documents are silent or contradict each other (contract twilio.md section 14): every play ends as it
//! should whichever way it is.

use offhook::rules::RingMethod;
use offhook::sandbox::stories::PLAYS;
use offhook::sandbox::twilio::Behaviour;
use reqwest::Method;
use serde_json::{Value, json};

use super::chatwoot_people::ask;
use super::plays::suits_dial;
use super::stage::{JANE, LUIS, PRIYA, SAM, Setting, accept, hang_up};

/// Every value that a switch of the stand-in has besides its default, in as few plays as there are: the switches of one
/// turn have nothing to do with each other. Where a play fails, turn them back one by one.
fn turns() -> [Value; 3] {
    [
        json!({
            "unaccepted_dial_status": "canceled",
            "abandoned_inbound_status": "canceled",
            "losing_leg_status": "no-answer",
            "completed_while_ringing": "no-answer",
            "enqueue_action_after_redirect": false,
            "empty_record": "action-empty-url",
            "second_call": "voicemail",
            "first_call_sequence": 1,
            "sequence_gap": 3,
            "empty_gather_has_digits": false,
        }),
        json!({
            "unaccepted_dial_status": "completed",
            "abandoned_inbound_status": "completed",
            "losing_leg_status": "completed",
            "completed_while_ringing": "completed",
            "enqueue_action_after_hangup": false,
            "dial_action_after_hangup": false,
            "empty_record": "action-without-url",
            "second_call": "call-waiting",
            "first_conference_sequence": 0,
            "ring_timeout_buffer_s": 0,
        }),
        json!({
            "busy_phone_reports_ringing": true,
            "fallback_covers": "first",
            "failed_screen": "fallback",
            "unfetchable_play": "fallback",
            "stray_keys": "kept",
            "ring_timeout_buffer_s": 2,
        }),
    ]
}

async fn play_all(setting: impl Fn() -> Setting, suits: impl Fn(&str) -> bool) {
    for turn in turns() {
        for (name, play) in PLAYS.iter().filter(|(name, _)| suits(name)) {
            println!("play {name} with {turn}");
            setting().switches(&turn).play(async |scene| play(scene).await).await;
        }
    }
}

#[actix_web::test]
async fn every_play_by_legs_whatever_the_documents_leave_open() {
    play_all(|| Setting::sqlite().method(RingMethod::Legs), |_| true).await;
}

#[actix_web::test]
async fn every_play_by_dial_that_stops_at_the_accept_whatever_the_documents_leave_open() {
    play_all(|| Setting::sqlite().method(RingMethod::Dial).dial_stops_at("accept"), suits_dial).await;
}

#[actix_web::test]
async fn every_play_by_dial_that_stops_at_the_answer_whatever_the_documents_leave_open() {
    let suits = |name: &str| suits_dial(name) && name != "voicemail-picks-up-first";
    play_all(|| Setting::sqlite().method(RingMethod::Dial).dial_stops_at("answer"), suits).await;
}

/// Every answer of the REST API takes its time, and every play ends as it should.
#[actix_web::test]
async fn every_play_with_a_carrier_that_is_slow() {
    for (name, play) in PLAYS {
        println!("play {name}");
        Setting::sqlite()
            .method(RingMethod::Legs)
            .switches(&json!({ "rest": "slow", "rest_slow_ms": 200 }))
            .play(async |scene| play(scene).await)
            .await;
    }
}

/// Contract twilio.md 14.6: a busy or unreachable phone may be told as ringing first. It is free at once all the same, and
/// its agent missed nothing.
#[actix_web::test]
async fn a_busy_phone_counts_as_busy_however_it_is_told() {
    for method in [RingMethod::Legs, RingMethod::Dial] {
        for reports in [false, true] {
            Setting::sqlite()
                .method(method)
                .switches(&json!({ "busy_phone_reports_ringing": reports }))
                .play(async |scene| {
                    scene.behave(SAM, Behaviour::Busy);
                    scene.behave(LUIS, Behaviour::Unreachable);
                    scene.dial(JANE).await?;
                    scene.wait_for("Priya's phone rings", 8, |scene| scene.is_ringing(PRIYA)).await?;
                    scene.wait(4.0).await?;
                    accept(scene, PRIYA, JANE).await?;
                    hang_up(scene, JANE).await?;
                    scene.wait(6.0).await?;
                    let calls = ask(scene, Method::GET, "/calls", None).await?.1;
                    let path = format!("/calls/{}/explanation", calls[0]["id"].as_str().unwrap());
                    let told = ask(scene, Method::GET, &path, None).await?.1;
                    let agents = told["agents"].as_array().unwrap();
                    let of = |id: &str| agents.iter().find(|one| one["agent"] == id).unwrap()["sentence"].to_string();
                    anyhow::ensure!(of("sam").contains("busy"), "{method:?} {reports}: {}", of("sam"));
                    anyhow::ensure!(
                        of("luis").contains("could not be connected"),
                        "{method:?} {reports}: {}",
                        of("luis")
                    );
                    Ok(())
                })
                .await;
        }
    }
}
