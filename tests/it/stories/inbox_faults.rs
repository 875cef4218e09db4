//! Chatwoot misbehaves: down, slow, refusing, losing replies, writing late. Every message is shown once, nobody waits.

use chrono::TimeDelta;
use offhook::sandbox::chatwoot::State;
use offhook::sandbox::stories::Scene;
use secrecy::SecretString;
use serde_json::json;

use super::stage::{JANE, PRIYA, SAM, Setting, accept, all_ring, hang_up, leave_message, reach_recorder};

pub const MESSAGES: &str = "POST conversations/:id/messages";

pub async fn answered_call(scene: &Scene) -> anyhow::Result<()> {
    scene.dial(JANE).await?;
    all_ring(scene).await?;
    accept(scene, PRIYA, JANE).await?;
    scene.wait(10.0).await?;
    hang_up(scene, JANE).await?;
    scene.wait(5.0).await
}

/// One conversation, each note once, Priya's.
pub fn all_there_once(scene: &Scene) -> anyhow::Result<()> {
    anyhow::ensure!(scene.conversations(JANE).len() == 1, "{} conversations", scene.conversations(JANE).len());
    for words in ["Incoming call", "Call ended"] {
        let shown = scene
            .messages(JANE)
            .iter()
            .filter(|it| it.content.as_deref().is_some_and(|text| text.contains(words)))
            .count();
        anyhow::ensure!(shown == 1, "{words:?} is shown {shown} times");
    }
    anyhow::ensure!(scene.assignee(JANE).as_deref() == Some("Priya Nair"), "the owner is {:?}", scene.assignee(JANE));
    Ok(())
}

#[actix_web::test]
async fn chatwoot_refuses_or_fails_during_the_call_and_everything_appears_once() {
    for state in [State::Down, State::TooMany, State::Broken] {
        Setting::sqlite()
            .play(async |scene| {
                scene.exchange.chatwoot.set_state(state);
                answered_call(scene).await?;
                anyhow::ensure!(scene.conversations(JANE).is_empty(), "something was written");
                scene.exchange.chatwoot.set_state(State::Ok);
                scene.wait(180.0).await?;
                all_there_once(scene)
            })
            .await;
    }
}

#[actix_web::test]
async fn a_lost_reply_to_each_kind_of_write_repeats_nothing() {
    let routes = [
        "POST contacts",
        "POST conversations",
        MESSAGES,
        "POST conversations/:id/assignments",
        "POST conversations/:id/labels",
    ];
    for route in routes {
        Setting::sqlite()
            .play(async |scene| {
                scene.exchange.chatwoot.lose_reply_once(route);
                answered_call(scene).await?;
                scene.wait(120.0).await?;
                all_there_once(scene)
            })
            .await;
    }
}

#[actix_web::test]
async fn a_write_that_lands_late_is_not_repeated() {
    Setting::sqlite()
        .play(async |scene| {
            scene.exchange.chatwoot.commit_late(MESSAGES, 20);
            answered_call(scene).await?;
            scene.wait(120.0).await?;
            all_there_once(scene)
        })
        .await;
}

/// Chatwoot takes the voicemail long after it was waited out and posted again.
#[actix_web::test]
async fn a_voicemail_that_chatwoot_took_twice_is_shown_once_in_the_end() {
    Setting::sqlite()
        // The brand is closed: what follows the arrival's note is the voicemail.
        .routing("tue = [\"08:00-18:00\"]", "tue = [\"14:00-18:00\"]")
        .play(async |scene| {
            scene.dial(JANE).await?;
            reach_recorder(scene, JANE, 45).await?;
            scene.exchange.chatwoot.commit_late(MESSAGES, 90);
            leave_message(scene, JANE, "Please call me.").await?;
            scene.wait_for("both voicemails", 200, |scene| scene.voicemails(JANE) == 2).await?;
            scene.wait(600.0).await?;
            anyhow::ensure!(scene.voicemails(JANE) == 1, "{} voicemails in the end", scene.voicemails(JANE));
            let deleted = scene.messages(JANE).iter().filter(|message| message.deleted).count();
            anyhow::ensure!(deleted == 1, "{deleted} messages were deleted");
            Ok(())
        })
        .await;
}

#[actix_web::test]
async fn a_voicemail_whose_post_had_no_answer_is_shown_once() {
    Setting::sqlite()
        .play(async |scene| {
            scene.dial(JANE).await?;
            reach_recorder(scene, JANE, 45).await?;
            scene.exchange.chatwoot.lose_reply_once(MESSAGES);
            scene.exchange.chatwoot.lose_reply_once(MESSAGES);
            leave_message(scene, JANE, "Please call me.").await?;
            scene.wait(150.0).await?;
            anyhow::ensure!(scene.voicemails(JANE) == 1, "{} voicemails", scene.voicemails(JANE));
            Ok(())
        })
        .await;
}

#[actix_web::test]
async fn a_slow_chatwoot_slows_nobody_down() {
    Setting::sqlite()
        .play(async |scene| {
            scene.exchange.chatwoot.set_delay(TimeDelta::seconds(0));
            scene.exchange.chatwoot.set_state(State::Slow);
            answered_call(scene).await?;
            scene.exchange.chatwoot.set_state(State::Ok);
            scene.wait(60.0).await?;
            all_there_once(scene)
        })
        .await;
}

#[actix_web::test]
async fn a_token_that_is_refused_loses_nothing() {
    Setting::sqlite()
        .play(async |scene| {
            let right = scene.exchange.settings.chatwoot.api_token.clone();
            scene.exchange.settings.chatwoot.api_token = Some(SecretString::from("not-the-token"));
            scene.exchange.restart_service().await?;
            answered_call(scene).await?;
            anyhow::ensure!(scene.conversations(JANE).is_empty(), "something was written with a wrong token");
            scene.exchange.settings.chatwoot.api_token = right;
            scene.exchange.restart_service().await?;
            scene.wait(180.0).await?;
            all_there_once(scene)
        })
        .await;
}

#[actix_web::test]
async fn a_colleagues_label_stays() {
    Setting::sqlite()
        .play(async |scene| {
            scene.dial(JANE).await?;
            all_ring(scene).await?;
            scene.wait(1.0).await?;
            let conversation = scene.conversations(JANE)[0].id;
            let chatwoot = &scene.exchange.chatwoot;
            let url = format!(
                "{}/api/v1/accounts/{}/conversations/{conversation}/labels",
                chatwoot.base_url(),
                chatwoot.account_id()
            );
            let reply = reqwest::Client::new()
                .post(url)
                .header("api_access_token", chatwoot.admin_token())
                .json(&json!({ "labels": ["vip"] }))
                .send()
                .await?;
            anyhow::ensure!(reply.status().is_success(), "the label was not set: {}", reply.status());
            accept(scene, SAM, JANE).await?;
            hang_up(scene, JANE).await?;
            scene.wait(5.0).await?;
            let labels = scene.conversations(JANE)[0].labels.clone();
            for title in ["vip", "voice", "brand-acme-movers"] {
                anyhow::ensure!(labels.iter().any(|label| label == title), "{title} is not among {labels:?}");
            }
            Ok(())
        })
        .await;
}
