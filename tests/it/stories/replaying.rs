//! A draft against the calls that were: what would have become of them, and what cannot be known.

use offhook::sandbox::stories::Scene;
use offhook::sandbox::twilio::{Behaviour, PhoneAction, PhoneKind};
use reqwest::Method;
use serde_json::{Value, json};

use super::chatwoot_people::ask;
use super::stage::{
    BEN, JANE, OMAR, PRIYA, RUTH, Setting, accept, all_ring, hang_up, leave_message, none_rings, reach_recorder,
};

/// Jane talks to Priya, Omar leaves a message, Ruth hangs up while all phones ring, and everybody declines Ben.
async fn make_calls(scene: &Scene) -> anyhow::Result<()> {
    scene.dial(JANE).await?;
    all_ring(scene).await?;
    accept(scene, PRIYA, JANE).await?;
    hang_up(scene, JANE).await?;
    scene.wait(30.0).await?;
    scene.dial(OMAR).await?;
    reach_recorder(scene, OMAR, 45).await?;
    leave_message(scene, OMAR, "It is Omar.").await?;
    scene.wait(30.0).await?;
    scene.dial(RUTH).await?;
    all_ring(scene).await?;
    scene.wait(3.0).await?;
    hang_up(scene, RUTH).await?;
    none_rings(scene, 5).await?;
    scene.wait(30.0).await?;
    scene.dial(BEN).await?;
    all_ring(scene).await?;
    for agent in offhook::sandbox::stories::AGENTS {
        scene.act(agent, PhoneAction::Decline).await?;
    }
    reach_recorder(scene, BEN, 20).await?;
    leave_message(scene, BEN, "It is Ben.").await?;
    scene.wait(10.0).await
}

async fn replay(scene: &Scene, change: impl FnOnce(&mut Value)) -> anyhow::Result<Value> {
    let mut document = ask(scene, Method::GET, "/rules", None).await?.1["document"].take();
    change(&mut document);
    let since = scene.exchange.now() - chrono::TimeDelta::days(7);
    let body = json!({ "document": document, "since": since });
    let (status, told) = ask(scene, Method::POST, "/replays", Some(body)).await?;
    anyhow::ensure!(status == 200, "{status}: {told}");
    Ok(told)
}

fn totals(told: &Value, which: &str) -> [u64; 4] {
    ["answered", "voicemail", "other", "unknown"].map(|field| told[which][field].as_u64().unwrap())
}

#[actix_web::test]
async fn a_draft_is_played_against_the_calls_that_were() {
    for setting in [Setting::sqlite(), Setting::postgres()] {
        setting
            .play(async |scene| {
                make_calls(scene).await?;

                // By the same rules everything is as it was.
                let same = replay(scene, |_| ()).await?;
                assert_eq!(same["calls"], 4, "{same:#}");
                assert_eq!(totals(&same, "before"), [1, 2, 1, 0], "{same:#}");
                assert_eq!(totals(&same, "after"), [1, 2, 1, 0], "{same:#}");
                assert_eq!(same["before"]["phones_rung"], 20, "{same:#}");
                assert_eq!(same["after"]["phones_rung"], 20, "{same:#}");

                // Closed all the time: nobody is rung, and all come to the recorder.
                let closed = replay(scene, |document| {
                    document["brand"][0]["calendar"] = json!({ "closed_until": { "until": "2030-01-01T00:00:00Z" } });
                })
                .await?;
                assert_eq!(totals(&closed, "after"), [0, 4, 0, 0], "{closed:#}");
                assert_eq!(closed["after"]["phones_rung"], 0, "{closed:#}");

                // Without Priya nobody is known who would have taken Jane's call: what Sam would have done with a longer
                // ring is not known.
                let alone = replay(scene, |document| document["brand"][0]["roster"] = json!(["sam"])).await?;
                assert_eq!(totals(&alone, "after"), [0, 2, 1, 1], "{alone:#}");
                let changed = alone["changed"].as_array().unwrap();
                let unknown = changed.iter().find(|call| call["after"] == "unknown").unwrap();
                assert!(unknown["why"].as_str().unwrap().contains("`sam`"), "{alone:#}");
                assert_eq!(alone["after"]["phones_rung"], 3, "{alone:#}");
                assert_eq!(alone["before"]["phones_rung"], 15, "phones are compared over known calls: {alone:#}");

                // Nothing was written, and no phone rang for it.
                assert_eq!(ask(scene, Method::GET, "/calls", None).await?.1.as_array().unwrap().len(), 4);
                assert!(!scene.is_ringing(PRIYA));
                Ok(())
            })
            .await;
    }
}

/// Whatever the rules in force did, the same rules do again: calls of all kinds, and of none is it known to differ.
#[actix_web::test]
async fn unchanged_rules_replay_what_happened_or_say_that_it_is_not_known() {
    Setting::sqlite()
        .supervised()
        .routing("tue = [\"08:00-18:00\"]", "tue = [\"08:00-11:30\"]")
        .play(async |scene| {
            make_calls(scene).await?;
            // The key for the recorder, while phones ring.
            scene.exchange.twilio.add_phone(IN_A_HURRY, "A stranger", PhoneKind::Customer, Behaviour::Manual);
            scene.dial(IN_A_HURRY).await?;
            all_ring(scene).await?;
            for _ in 0..24 {
                scene.wait(0.5).await?;
                scene.press(IN_A_HURRY, "1").await?;
                if !scene.is_ringing(PRIYA) {
                    break;
                }
            }
            reach_recorder(scene, IN_A_HURRY, 10).await?;
            leave_message(scene, IN_A_HURRY, "I had no time.").await?;
            // A declared flood: one who presses the key, one who presses a wrong one, one who says nothing.
            let body = json!({ "reason": "robots" });
            let (status, on) = ask(scene, Method::POST, "/brands/acme-movers/flood", Some(body)).await?;
            anyhow::ensure!(status == 201, "{on}");
            for (number, presses) in [("+15550100051", "right"), ("+15550100052", "*"), ("+15550100053", "")] {
                scene.exchange.twilio.add_phone(number, "A stranger", PhoneKind::Customer, Behaviour::Manual);
                scene.dial(number).await?;
                scene.wait_for("the challenge", 8, |scene| scene.heard(number, "To go on, please press")).await?;
                let heard = scene.exchange.twilio.heard(number);
                let asked = heard.iter().rev().find_map(|words| words.trim_end_matches('.').chars().last());
                match presses {
                    "right" => scene.press(number, &asked.unwrap().to_string()).await?,
                    "" => {}
                    _ => scene.press(number, if asked == Some('3') { "4" } else { "3" }).await?,
                }
                reach_recorder(scene, number, 60).await?;
                hang_up(scene, number).await?;
                scene.wait(20.0).await?;
            }
            // The same stranger again, which is once too often while the flood is declared.
            scene.dial("+15550100051").await?;
            reach_recorder(scene, "+15550100051", 15).await?;
            hang_up(scene, "+15550100051").await?;
            scene.wait(20.0).await?;
            let (status, _) = ask(scene, Method::DELETE, "/brands/acme-movers/flood", None).await?;
            anyhow::ensure!(status == 200, "{status}");
            // A third call within the window.
            for _ in 0..2 {
                scene.dial(RUTH).await?;
                scene.wait(4.0).await?;
                hang_up(scene, RUTH).await?;
                scene.wait(10.0).await?;
            }
            scene.dial(RUTH).await?;
            reach_recorder(scene, RUTH, 15).await?;
            hang_up(scene, RUTH).await?;
            scene.wait(20.0).await?;
            // Closed, by the calendar, half past eleven in New York.
            let closes_at: chrono::DateTime<chrono::Utc> = "2026-11-24T16:30:05Z".parse()?;
            while scene.exchange.now() < closes_at {
                scene.wait(30.0).await?;
            }
            scene.dial(JANE).await?;
            reach_recorder(scene, JANE, 15).await?;
            hang_up(scene, JANE).await?;
            scene.wait(30.0).await?;

            let same = replay(scene, |_| ()).await?;
            let changed = same["changed"].as_array().unwrap();
            let differing: Vec<&Value> = changed.iter().filter(|call| call["after"] != "unknown").collect();
            anyhow::ensure!(differing.is_empty(), "{differing:#?}");
            let unknown = same["after"]["unknown"].as_u64().unwrap();
            let calls = same["calls"].as_u64().unwrap();
            anyhow::ensure!(calls == 13 && unknown <= 3, "{unknown} of {calls} are unknown: {same:#}");
            // A closed call that a draft opens comes to phones, of which nothing is known.
            let open = replay(scene, |document| {
                document["brand"][0]["calendar"] = json!({ "open_until": { "until": "2030-01-01T00:00:00Z" } });
            })
            .await?;
            let newest = &open["changed"][0];
            anyhow::ensure!(newest["after"] == "unknown", "{newest:#}");
            Ok(())
        })
        .await;
}

const IN_A_HURRY: &str = "+15550100054";

#[actix_web::test]
async fn calls_that_came_after_the_simulated_moment_are_no_flood() {
    for setting in [Setting::sqlite(), Setting::postgres()] {
        setting
            .play(async |scene| {
                let before = scene.exchange.now();
                scene.wait(60.0).await?;
                for _ in 0..2 {
                    scene.dial(JANE).await?;
                    all_ring(scene).await?;
                    hang_up(scene, JANE).await?;
                    scene.wait(10.0).await?;
                }
                let play = async |at: chrono::DateTime<chrono::Utc>| {
                    let body = json!({ "brand": "acme-movers", "from": JANE, "at": at });
                    let (status, told) = ask(scene, Method::POST, "/simulations", Some(body)).await?;
                    anyhow::ensure!(status == 200, "{status}: {told}");
                    Ok(told.to_string())
                };
                anyhow::ensure!(play(before).await?.contains("phone_rings"), "later calls were counted");
                anyhow::ensure!(!play(scene.exchange.now()).await?.contains("phone_rings"), "earlier calls were not");
                Ok(())
            })
            .await;
    }
}

#[actix_web::test]
async fn a_simulated_caller_presses_the_key_for_the_recorder_and_is_told_of_keys_in_vain() {
    Setting::sqlite()
        .play(async |scene| {
            let play = async |press: &str| {
                let body = json!({ "brand": "acme-movers", "from": JANE, "press": press });
                let (status, told) = ask(scene, Method::POST, "/simulations", Some(body)).await?;
                anyhow::ensure!(status == 200, "{status}: {told}");
                Ok(told)
            };
            let silent = play("").await?;
            let pressed = play("-1").await?;
            let last = |told: &Value| told["steps"].as_array().unwrap().last().unwrap()["after_ms"].as_i64().unwrap();
            anyhow::ensure!(last(&pressed) + 8_000 < last(&silent), "the key changed nothing: {pressed:#}");
            anyhow::ensure!(pressed["keys_unused"] == 0, "{pressed:#}");
            anyhow::ensure!(play("-1-5").await?["keys_unused"] == 2, "keys in vain are not told");
            Ok(())
        })
        .await;
}

#[actix_web::test]
async fn a_request_that_cannot_be_played_says_which_field() {
    Setting::sqlite()
        .play(async |scene| {
            for (path, body, pointer) in [
                ("/simulations", json!({ "brand": "nobody" }), "/brand"),
                ("/simulations", json!({ "brand": "acme-movers", "at": "tomorrow" }), "/at"),
                ("/simulations", json!({ "brand": "acme-movers", "press": "1x" }), "/press"),
                ("/simulations", json!({ "brand": "acme-movers", "press": "*" }), "/press"),
                ("/simulations", json!({ "brand": "acme-movers", "from": "abc" }), "/from"),
                ("/simulations", json!({ "brand": "acme-movers", "from": "5550100001" }), "/from"),
                ("/simulations", json!({ "brand": "acme-movers", "number": "+15550100999" }), "/number"),
                (
                    "/simulations",
                    json!({ "brand": "acme-movers", "document": { "brand": [{ "id": "a" }] } }),
                    "/document/brand/0/name",
                ),
                ("/replays", json!({ "since": "2026-11-01T00:00:00Z" }), "/draft"),
            ] {
                let (status, told) = ask(scene, Method::POST, path, Some(body.clone())).await?;
                assert_eq!(status, 422, "{body}: {told}");
                let pointers: Vec<&str> =
                    told["errors"].as_array().unwrap().iter().filter_map(|error| error["pointer"].as_str()).collect();
                assert!(pointers.contains(&pointer), "{body}: {pointers:?}");
            }
            let (status, told) =
                ask(scene, Method::POST, "/simulations", Some(json!({ "brand": "acme-movers", "colour": 1 }))).await?;
            assert_eq!(status, 400, "{told}");
            Ok(())
        })
        .await;
}
