//! The carrier's account carries no more calls at once: fewer phones ring, and nobody is forgotten.

use offhook::rules::RingMethod;
use offhook::sandbox::stories::{AGENTS, Scene};
use reqwest::Method;
use serde_json::json;

use super::chatwoot_people::ask;
use super::stage::{JANE, Setting, accept, hang_up, is_recorded, leave_message, reach_recorder, watch};

/// The caller and two phones.
const CARRIES: u32 = 3;

fn ringing(scene: &Scene) -> Vec<&'static str> {
    AGENTS.into_iter().filter(|agent| scene.is_ringing(agent)).collect()
}

async fn two_ring(scene: &Scene) -> anyhow::Result<Vec<&'static str>> {
    scene.wait_for("two phones ring", 10, |scene| ringing(scene).len() == 2).await?;
    Ok(ringing(scene))
}

async fn decline(scene: &Scene, agent: &str) -> anyhow::Result<()> {
    scene.answer(agent).await?;
    scene.press(agent, "5").await
}

#[actix_web::test]
async fn phones_that_a_full_account_left_out_ring_when_others_decline() {
    for (method, at_once) in [(RingMethod::Legs, 50), (RingMethod::Legs, 1), (RingMethod::Auto, 50)] {
        Setting::sqlite()
            .method(method)
            .calls_per_second(at_once, 0)
            .switches(&json!({ "concurrency_limit": CARRIES }))
            .play(async |scene| {
                scene.dial(JANE).await?;
                let first = two_ring(scene).await?;
                for agent in &first {
                    decline(scene, agent).await?;
                }
                let next = two_ring(scene).await?;
                anyhow::ensure!(next.iter().all(|agent| !first.contains(agent)), "{next:?} ring after {first:?}");
                anyhow::ensure!(!is_recorded(scene, JANE), "the caller was sent to the recorder");
                accept(scene, next[0], JANE).await?;
                let banners = ask(scene, Method::GET, "/banners", None).await?.1;
                let is_told = banners.as_array().unwrap().iter().any(|banner| banner["code"] == "account_full");
                anyhow::ensure!(is_told, "nobody is told: {banners}");
                hang_up(scene, JANE).await?;
                watch(scene, 10).await
            })
            .await;
    }
}

#[actix_web::test]
async fn an_account_that_carries_one_phone_has_each_ring_in_turn() {
    Setting::sqlite()
        .method(RingMethod::Legs)
        .switches(&json!({ "concurrency_limit": 2 }))
        .play(async |scene| {
            scene.dial(JANE).await?;
            let mut rung: Vec<&str> = Vec::new();
            for _ in 0..4 {
                scene.wait_for("another phone rings", 8, |scene| !ringing(scene).is_empty()).await?;
                let now = ringing(scene);
                anyhow::ensure!(now.len() == 1 && !rung.contains(&now[0]), "{now:?} ring after {rung:?}");
                decline(scene, now[0]).await?;
                rung.extend(now);
            }
            scene.wait_for("the last phone rings", 8, |scene| !ringing(scene).is_empty()).await?;
            accept(scene, ringing(scene)[0], JANE).await?;
            hang_up(scene, JANE).await?;
            watch(scene, 10).await
        })
        .await;
}

/// An account that refuses a leg answers all the same: its REST API is not down.
#[actix_web::test]
async fn a_full_account_is_no_outage() {
    Setting::sqlite()
        .switches(&json!({ "concurrency_limit": CARRIES }))
        .play(async |scene| {
            scene.dial(JANE).await?;
            let two = two_ring(scene).await?;
            scene.wait(3.0).await?;
            let health = scene.exchange.app()?.switchboard.carrier_facts();
            anyhow::ensure!(health.rest_is_up, "the carrier's API is taken for down");
            anyhow::ensure!(ringing(scene) == two, "{:?} ring", ringing(scene));
            reach_recorder(scene, JANE, 40).await?;
            leave_message(scene, JANE, "Please call me.").await?;
            anyhow::ensure!(scene.voicemails(JANE) == 1, "{} voicemails", scene.voicemails(JANE));
            Ok(())
        })
        .await;
}

/// What was found out is believed for a while only: the account may carry more by then.
#[actix_web::test]
async fn all_phones_ring_again_once_the_account_carries_more() {
    Setting::sqlite()
        .method(RingMethod::Legs)
        .switches(&json!({ "concurrency_limit": CARRIES }))
        .play(async |scene| {
            scene.dial(JANE).await?;
            two_ring(scene).await?;
            hang_up(scene, JANE).await?;
            super::stage::turn(scene, &json!({ "concurrency_limit": 0 }));
            scene.wait(25.0).await?;
            scene.dial(JANE).await?;
            super::stage::all_ring(scene).await?;
            hang_up(scene, JANE).await?;
            watch(scene, 10).await
        })
        .await;
}

/// Contract twilio.md 3.2: the limit covers simultaneous dials too, and those it left out ring in the next round.
#[actix_web::test]
async fn phones_that_a_full_account_left_out_of_a_dial_ring_in_the_next_round() {
    Setting::sqlite()
        .method(RingMethod::Dial)
        .switches(&json!({ "concurrency_limit": CARRIES }))
        .play(async |scene| {
            scene.dial(JANE).await?;
            let first = two_ring(scene).await?;
            for agent in &first {
                scene.answer(agent).await?;
                scene.press(agent, "5").await?;
            }
            let next = two_ring(scene).await?;
            anyhow::ensure!(next.iter().all(|agent| !first.contains(agent)), "{next:?} ring after {first:?}");
            accept(scene, next[0], JANE).await?;
            hang_up(scene, JANE).await?;
            watch(scene, 10).await
        })
        .await;
}
