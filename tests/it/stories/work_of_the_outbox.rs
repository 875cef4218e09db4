//! What the outbox carries: work that waited for its turn, work that breaks off each time, and keys that are changed
//! meanwhile.

use chrono::TimeDelta;
use offhook::call::effect::Neighbour;
use offhook::rules::RingMethod;
use offhook::sandbox::stories::{AGENTS, Scene};
use offhook::sandbox::twilio::PhoneAction;
use secrecy::SecretString;
use serde_json::json;

use super::stage::{
    ACME, JANE, OMAR, PRIYA, RUTH, Setting, accept, all_ring, hang_up, is_recorded, none_rings, turn, watch,
};

/// The third phone waits two seconds for its turn; that its first request is refused once costs it nothing.
#[actix_web::test]
async fn one_429_costs_no_phone_the_call_however_long_it_waited_for_its_turn() {
    Setting::sqlite()
        .calls_per_second(1, 0)
        .method(RingMethod::Legs)
        .play(async |scene| {
            scene.dial(JANE).await?;
            scene.wait(1.6).await?;
            turn(scene, &json!({ "rest": "429" }));
            scene.wait(0.6).await?;
            turn(scene, &json!({ "rest": "ok" }));
            scene.wait_for("every phone rings", 12, |scene| AGENTS.iter().all(|agent| scene.is_ringing(agent))).await?;
            hang_up(scene, JANE).await?;
            none_rings(scene, 3).await?;
            scene.wait(5.0).await
        })
        .await;
}

/// A call arrives, and its note is taken by workers that die over it, one after the other.
async fn arrive_and_break_off(scene: &Scene, caller: &str, times: u32) -> anyhow::Result<()> {
    let dialled = PhoneAction::Dial { to: ACME.to_owned() };
    scene.exchange.twilio.act(caller, dialled).await.map_err(anyhow::Error::msg)?;
    scene.exchange.twilio.settle().await;
    let (store, now) = (std::sync::Arc::clone(&scene.exchange.app()?.store), scene.exchange.now());
    for _ in 0..times {
        let leased = store.lease_effects(Neighbour::Inbox, now, TimeDelta::zero(), 16).await?;
        anyhow::ensure!(!leased.is_empty(), "there is nothing to take");
    }
    scene.exchange.settle().await
}

#[actix_web::test]
async fn work_that_breaks_off_each_time_is_given_up_and_told() {
    Setting::sqlite()
        .play(async |scene| {
            let store = std::sync::Arc::clone(&scene.exchange.app()?.store);
            arrive_and_break_off(scene, JANE, 9).await?;
            anyhow::ensure!(scene.conversations(JANE).len() == 1, "a few restarts lost the note");
            anyhow::ensure!(store.list_dead_letters(5).await?.is_empty(), "it was given up too soon");
            hang_up(scene, JANE).await?;
            scene.wait(6.0).await?;
            arrive_and_break_off(scene, OMAR, 10).await?;
            let dead = store.list_dead_letters(5).await?;
            anyhow::ensure!(dead.len() == 1 && dead[0].why.contains("broke off"), "{dead:?}");
            anyhow::ensure!(scene.conversations(OMAR).is_empty(), "it was tried once more");
            // A person looks at it, and has it tried again.
            store.revive_effect(dead[0].id, "tests", scene.exchange.now()).await?;
            scene.wait(1.0).await?;
            anyhow::ensure!(scene.conversations(OMAR).len() == 1, "it stays given up");
            hang_up(scene, OMAR).await?;
            scene.wait(10.0).await
        })
        .await;
}

#[actix_web::test]
async fn callers_go_on_waiting_while_the_carriers_key_is_changed() {
    for method in [RingMethod::Legs, RingMethod::Dial] {
        Setting::sqlite()
            .method(method)
            .play(async |scene| {
                scene.dial(JANE).await?;
                all_ring(scene).await?;
                let new = "not-a-real-token-and-a-new-one";
                scene.exchange.settings.twilio.auth_tokens.insert(0, SecretString::from(new));
                scene.exchange.restart_service().await?;
                scene.exchange.twilio.set_auth_token(new);
                scene.wait(8.0).await?;
                anyhow::ensure!(!is_recorded(scene, JANE), "the caller was sent to the recorder");
                accept(scene, PRIYA, JANE).await?;
                none_rings(scene, 3).await?;
                watch(scene, 10).await?;
                hang_up(scene, JANE).await?;
                watch(scene, 10).await
            })
            .await;
    }
}

/// What Twilio says of its queue is the only sign that the account starts fewer calls a second than the settings say.
#[actix_web::test]
async fn the_time_that_the_carrier_queued_legs_is_measured() {
    Setting::sqlite()
        .calls_per_second(50, 1)
        .method(RingMethod::Legs)
        .play(async |scene| {
            scene.dial(RUTH).await?;
            scene.wait_for("every phone rings", 9, |scene| AGENTS.iter().all(|agent| scene.is_ringing(agent))).await?;
            hang_up(scene, RUTH).await?;
            none_rings(scene, 3).await?;
            let shown = offhook::telemetry::start_metrics()?.render();
            let sum = shown.lines().find_map(|line| line.strip_prefix("offhook_twilio_queued_seconds_sum "));
            let sum: f64 = sum.unwrap_or("0").parse()?;
            anyhow::ensure!(sum >= 4.0, "the last of five waited four seconds, and {sum} s are shown");
            scene.wait(5.0).await
        })
        .await;
}
