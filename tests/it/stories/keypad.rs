//! Where the supervisor's key is heard, and what follows a code there.

use offhook::rules::RingMethod;
use offhook::sandbox::stories::{AGENTS, Scene};
use reqwest::Method;
use serde_json::json;

use super::paths::{MENU, choose as choose_intent, nobody_was_rung};
use super::stage::{JANE, PRIYA, RUTH, Setting, accept, all_ring, hang_up, reach_recorder};
use super::supervised::{ask, draw_code, events};
use super::supervisor::{ask_for_code, choose, key_in, wait_in_queue};

const NOTICE: &str = "[brand.recording]\nnotice = \"This call is recorded.\"\nretention_days = 30";

/// Where a caller stands who presses the key, and what they hear there.
const PLACES: [(&str, &str); 4] = [
    ("menu", "For a quote press 1"),
    ("notice", "This call is recorded."),
    ("challenge", "To go on, please press"),
    ("first document by dial", "ringback"),
];

fn setting(place: &str) -> Setting {
    let setting = Setting::sqlite().supervised();
    match place {
        "menu" => setting.tables(MENU),
        "notice" => setting.tables(NOTICE),
        "first document by dial" => setting.method(RingMethod::Dial),
        _ => setting,
    }
}

async fn stand(scene: &Scene, place: &str, words: &str) -> anyhow::Result<()> {
    if place == "challenge" {
        let body = json!({ "reason": "robots" });
        let (status, on) = ask(scene, Method::POST, "/brands/acme-movers/flood", Some(body)).await?;
        anyhow::ensure!(status == 201, "{on}");
    }
    scene.dial(RUTH).await?;
    scene.wait_for(words, 5, |scene| scene.heard(RUTH, words)).await?;
    scene.wait(0.5).await
}

#[actix_web::test]
async fn a_good_code_is_heard_in_each_first_document() {
    for (place, words) in PLACES {
        setting(place)
            .play(async |scene| {
                let told = async {
                    let code = draw_code(scene).await?;
                    stand(scene, place, words).await?;
                    key_in(scene, RUTH, &code).await?;
                    choose(scene, RUTH, "1", "go to the operator line for one hour").await?;
                    nobody_was_rung(scene)
                };
                told.await.map_err(|error| error.context(place))
            })
            .await;
    }
}

#[actix_web::test]
async fn a_wrong_code_leads_back_to_the_document_where_it_was_keyed_in() {
    for (place, words) in PLACES {
        setting(place)
            .play(async |scene| {
                let heard = |scene: &Scene| {
                    scene.exchange.twilio.heard(RUTH).iter().filter(|heard| heard.contains(words)).count()
                };
                let told = async {
                    draw_code(scene).await?;
                    stand(scene, place, words).await?;
                    let before = heard(scene);
                    key_in(scene, RUTH, "00000000").await?;
                    scene.wait_for("the document again", 5, |scene| heard(scene) > before).await?;
                    anyhow::ensure!(events(scene, "flood_refused").await?.is_empty(), "a code cost a turn");
                    hang_up(scene, RUTH).await?;
                    scene.wait(10.0).await
                };
                told.await.map_err(|error| error.context(place))
            })
            .await;
    }
}

#[actix_web::test]
async fn two_wrong_codes_are_no_wrong_answers_to_the_challenge() {
    setting("challenge")
        .play(async |scene| {
            draw_code(scene).await?;
            stand(scene, "challenge", "To go on, please press").await?;
            for _ in 0..2 {
                key_in(scene, RUTH, "00000000").await?;
                scene.wait(3.5).await?;
            }
            let heard = scene.exchange.twilio.heard(RUTH);
            let asked = heard.iter().rev().find(|words| words.contains("To go on, please press")).cloned();
            let key = asked.and_then(|words| words.trim_end_matches('.').chars().last());
            let key = key.ok_or_else(|| anyhow::anyhow!("no challenge"))?;
            scene.press(RUTH, &key.to_string()).await?;
            all_ring(scene).await?;
            hang_up(scene, RUTH).await?;
            scene.wait(10.0).await
        })
        .await;
}

#[actix_web::test]
async fn by_dial_a_second_code_may_be_tried_and_then_the_phones_ring() {
    setting("first document by dial")
        .play(async |scene| {
            draw_code(scene).await?;
            stand(scene, "first document by dial", "ringback").await?;
            for _ in 0..2 {
                key_in(scene, RUTH, "00000000").await?;
                scene.wait(1.0).await?;
            }
            anyhow::ensure!(events(scene, "code_ended").await?.len() == 2, "the second code was not heard");
            scene.wait_for("Priya's phone rings", 15, |scene| scene.is_ringing(PRIYA)).await?;
            accept(scene, PRIYA, RUTH).await?;
            hang_up(scene, RUTH).await?;
            scene.wait(10.0).await
        })
        .await;
}

#[actix_web::test]
async fn thirty_seconds_of_typing_are_all_there_are() {
    Setting::sqlite()
        .supervised()
        .play(async |scene| {
            draw_code(scene).await?;
            scene.dial(JANE).await?;
            all_ring(scene).await?;
            wait_in_queue(scene, JANE).await?;
            ask_for_code(scene, JANE).await?;
            for _ in 0..8 {
                scene.wait(4.0).await?;
                scene.press(JANE, "0").await?;
            }
            scene.press(JANE, "#").await?;
            scene.wait(1.0).await?;
            let ends = events(scene, "code_ended").await?;
            anyhow::ensure!(ends.len() == 1 && ends[0]["how"] == "timed_out", "{ends:?}");
            reach_recorder(scene, JANE, 40).await?;
            anyhow::ensure!(!AGENTS.iter().any(|agent| scene.is_ringing(agent)), "phones ring on");
            hang_up(scene, JANE).await?;
            scene.wait(20.0).await
        })
        .await;
}

#[actix_web::test]
async fn where_no_supervisor_may_override_the_brand_the_key_means_nothing() {
    Setting::sqlite()
        .supervised()
        .routing("name = \"Dana Reyes\"", "name = \"Dana Reyes\"\nbrands = [\"harbour-storage\"]")
        .tables(MENU)
        .play(async |scene| {
            draw_code(scene).await?;
            scene.dial(RUTH).await?;
            choose_intent(scene, RUTH, "*").await?;
            scene.wait(3.0).await?;
            anyhow::ensure!(events(scene, "code_asked").await?.is_empty(), "a code was asked for");
            anyhow::ensure!(!scene.heard(RUTH, "pound key"), "a code was asked for");
            hang_up(scene, RUTH).await?;
            scene.wait(10.0).await
        })
        .await;
}
