//! A draft against the calls that were: what would have become of them, and what cannot be known.

use offhook::sandbox::stories::Scene;
use offhook::sandbox::twilio::PhoneAction;
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
                assert_eq!(alone["after"]["phones_rung"], 4, "{alone:#}");

                // Nothing was written, and no phone rang for it.
                assert_eq!(ask(scene, Method::GET, "/calls", None).await?.1.as_array().unwrap().len(), 4);
                assert!(!scene.is_ringing(PRIYA));
                Ok(())
            })
            .await;
    }
}

#[actix_web::test]
async fn a_request_that_cannot_be_played_says_which_field() {
    Setting::sqlite()
        .play(async |scene| {
            for (path, body, pointer) in [
                ("/simulations", json!({ "brand": "nobody" }), "/brand"),
                ("/simulations", json!({ "brand": "acme-movers", "at": "tomorrow" }), "/at"),
                ("/simulations", json!({ "brand": "acme-movers", "press": "1x" }), "/press"),
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
