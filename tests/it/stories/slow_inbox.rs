//! A Chatwoot so slow that one delivery outlasts its lease, and a service that dies in the middle of a write.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use offhook::call::effect::Neighbour;
use offhook::sandbox::chatwoot::State;
use offhook::sandbox::stories::Scene;
use tokio_util::sync::CancellationToken;

use super::inbox_faults::{MESSAGES, all_there_once, answered_call};
use super::stage::{JANE, Setting, leave_message, reach_recorder};

/// Just below the time-out of the settings.
const SLOW: TimeDelta = TimeDelta::milliseconds(9_500);

/// Lets the service's own worker deliver while the clock goes on; several times as fast as a real one.
async fn deliver_for(scene: &Scene, span: TimeDelta) -> anyhow::Result<()> {
    let stop = CancellationToken::new();
    let outbox = Arc::clone(&scene.exchange.app()?.outbox);
    let worker = tokio::spawn(outbox.run(Neighbour::Inbox, stop.clone()));
    let until = scene.exchange.now() + span;
    while !worker.is_finished() {
        if scene.exchange.now() >= until {
            // What is in hand comes to its end, for which the clock has to go on.
            stop.cancel();
        }
        scene.exchange.twilio.advance_to(scene.exchange.now() + TimeDelta::milliseconds(1_000)).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(worker.await?)
}

/// The call is over, and Chatwoot has not heard of it yet.
async fn with_chatwoot_down(scene: &Scene, call: impl AsyncFnOnce(&Scene) -> anyhow::Result<()>) -> anyhow::Result<()> {
    scene.exchange.chatwoot.set_state(State::Down);
    call(scene).await?;
    anyhow::ensure!(scene.conversations(JANE).is_empty(), "something was written");
    scene.exchange.twilio.advance_to(scene.exchange.now() + TimeDelta::hours(1)).await;
    Ok(())
}

#[actix_web::test]
async fn a_chatwoot_that_needs_nine_seconds_for_each_answer_shows_an_answered_call_once() {
    Setting::sqlite()
        .play(async |scene| {
            with_chatwoot_down(scene, answered_call).await?;
            scene.exchange.chatwoot.set_delay(SLOW);
            scene.exchange.chatwoot.set_state(State::Slow);
            deliver_for(scene, TimeDelta::seconds(400)).await?;
            all_there_once(scene)?;
            scene.exchange.chatwoot.set_state(State::Ok);
            scene.wait(120.0).await?;
            all_there_once(scene)
        })
        .await;
}

#[actix_web::test]
async fn a_chatwoot_that_needs_nine_seconds_for_each_answer_shows_a_voicemail_once() {
    Setting::sqlite()
        .play(async |scene| {
            with_chatwoot_down(scene, async |scene| {
                scene.dial(JANE).await?;
                reach_recorder(scene, JANE, 45).await?;
                leave_message(scene, JANE, "Please call me.").await
            })
            .await?;
            scene.exchange.chatwoot.set_delay(SLOW);
            scene.exchange.chatwoot.set_state(State::Slow);
            deliver_for(scene, TimeDelta::seconds(400)).await?;
            anyhow::ensure!(scene.voicemails(JANE) == 1, "{} voicemails", scene.voicemails(JANE));
            Ok(())
        })
        .await;
}

#[actix_web::test]
async fn a_write_that_lands_after_the_service_died_over_it_is_not_repeated() {
    Setting::sqlite()
        .play(async |scene| {
            with_chatwoot_down(scene, answered_call).await?;
            scene.exchange.chatwoot.set_state(State::Ok);
            scene.exchange.chatwoot.commit_late(MESSAGES, 20);
            let outbox = Arc::clone(&scene.exchange.app()?.outbox);
            let delivery = tokio::spawn(async move { outbox.deliver_due(Neighbour::Inbox).await });
            let is_asked = |scene: &Scene| {
                let seen = scene.exchange.chatwoot.seen();
                seen.iter().any(|one| one.method == "POST" && one.path.ends_with("/messages") && one.status.is_none())
            };
            for _ in 0..2_000 {
                if is_asked(scene) {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            anyhow::ensure!(is_asked(scene), "nothing was posted");
            delivery.abort();
            scene.exchange.restart_service().await?;
            scene.wait(180.0).await?;
            all_there_once(scene)
        })
        .await;
}
