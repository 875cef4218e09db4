//! People, conversations and permissions that are gone from Chatwoot: what cannot be done is given up, the rest arrives.

use offhook::sandbox::stories::Scene;
use reqwest::Method;
use serde_json::{Value, json};

use super::chatwoot_people::{ask, ask_status, user};
use super::stage::{JANE, PRIYA, SAM, Setting, accept, all_ring, hang_up, inbox_says, leave_message, reach_recorder};

/// An administrator does something in Chatwoot.
pub async fn administer(scene: &Scene, method: Method, path: &str, body: Option<Value>) -> anyhow::Result<()> {
    let chatwoot = &scene.exchange.chatwoot;
    let url = format!("{}/api/v1/accounts/{}/{path}", chatwoot.base_url(), chatwoot.account_id());
    let mut request = reqwest::Client::new().request(method, url).header("api_access_token", chatwoot.admin_token());
    if let Some(body) = body {
        request = request.json(&body);
    }
    let reply = request.send().await?;
    anyhow::ensure!(reply.status().is_success(), "Chatwoot refused: {}", reply.status());
    Ok(())
}

async fn leave_voicemail(scene: &Scene) -> anyhow::Result<()> {
    scene.dial(JANE).await?;
    reach_recorder(scene, JANE, 60).await?;
    leave_message(scene, JANE, "Please call me.").await
}

#[actix_web::test]
async fn an_owner_whom_chatwoot_no_longer_knows_does_not_hold_back_the_callers_next_voicemail() {
    Setting::sqlite()
        .play(async |scene| {
            administer(scene, Method::DELETE, &format!("agents/{}", user(scene, "Priya Nair")), None).await?;
            scene.dial(JANE).await?;
            all_ring(scene).await?;
            accept(scene, PRIYA, JANE).await?;
            hang_up(scene, JANE).await?;
            leave_voicemail(scene).await?;
            scene.wait(600.0).await?;
            anyhow::ensure!(inbox_says(scene, JANE, "Call ended"), "the note at the end is held back");
            anyhow::ensure!(scene.voicemails(JANE) == 1, "{} voicemails", scene.voicemails(JANE));
            let labels = scene.conversations(JANE)[0].labels.clone();
            anyhow::ensure!(labels.iter().any(|label| label == "brand-acme-movers"), "labels {labels:?}");
            replay_the_dead_letter(scene).await
        })
        .await;
}

/// The assignment that was given up is listed, shown on a banner, and carried out once it can be.
async fn replay_the_dead_letter(scene: &Scene) -> anyhow::Result<()> {
    let (_, dead) = ask(scene, Method::GET, "/outbox/dead", None).await?;
    let letters = dead.as_array().cloned().unwrap_or_default();
    anyhow::ensure!(letters.len() == 1 && letters[0]["kind"] == "assign_owner", "{dead}");
    let (_, banners) = ask(scene, Method::GET, "/banners", None).await?;
    let is_told = banners.as_array().is_some_and(|all| all.iter().any(|one| one["code"] == "dead_letters"));
    anyhow::ensure!(is_told, "no banner tells of it: {banners}");
    let priya = json!({ "agent": { "name": "Priya Nair", "email": "priya@example.com", "role": "agent" } });
    administer(scene, Method::POST, "agents", Some(priya)).await?;
    let path = format!("/outbox/{}/replay", letters[0]["id"]);
    anyhow::ensure!(ask_status(scene, Method::POST, &path).await? == 204, "it is not replayed");
    anyhow::ensure!(ask_status(scene, Method::POST, &path).await? == 404, "it is replayed twice");
    scene.wait(10.0).await?;
    anyhow::ensure!(scene.assignee(JANE).as_deref() == Some("Priya Nair"), "it is {:?}'s", scene.assignee(JANE));
    let (_, audit) = ask(scene, Method::GET, "/audit", None).await?;
    anyhow::ensure!(audit[0]["action"] == "effect_replayed", "{audit}");
    let (_, dead) = ask(scene, Method::GET, "/outbox/dead", None).await?;
    anyhow::ensure!(dead == json!([]), "{dead}");
    Ok(())
}

#[actix_web::test]
async fn an_owner_with_a_number_that_chatwoot_does_not_know_takes_the_conversation_from_nobody() {
    Setting::sqlite()
        .routing("email = \"priya@example.com\"", "chatwoot_user_id = 999")
        .play(async |scene| {
            scene.dial(JANE).await?;
            all_ring(scene).await?;
            scene.wait(1.0).await?;
            let conversation = scene.conversations(JANE)[0].id;
            let sam = json!({ "assignee_id": user(scene, "Sam Carter") });
            administer(scene, Method::POST, &format!("conversations/{conversation}/assignments"), Some(sam)).await?;
            accept(scene, PRIYA, JANE).await?;
            hang_up(scene, JANE).await?;
            scene.wait(600.0).await?;
            anyhow::ensure!(
                scene.assignee(JANE).as_deref() == Some("Sam Carter"),
                "it is {:?}'s",
                scene.assignee(JANE)
            );
            anyhow::ensure!(inbox_says(scene, JANE, "Call ended"), "the note at the end is held back");
            Ok(())
        })
        .await;
}

#[actix_web::test]
async fn a_conversation_that_is_deleted_during_the_call_is_followed_by_another_with_the_voicemail() {
    Setting::sqlite()
        .play(async |scene| {
            scene.dial(JANE).await?;
            all_ring(scene).await?;
            scene.wait(1.0).await?;
            let first = scene.conversations(JANE)[0].id;
            administer(scene, Method::DELETE, &format!("conversations/{first}"), None).await?;
            anyhow::ensure!(scene.conversations(JANE).is_empty(), "it is still there");
            reach_recorder(scene, JANE, 60).await?;
            leave_message(scene, JANE, "Please call me.").await?;
            scene.wait(60.0).await?;
            let found = scene.conversations(JANE);
            anyhow::ensure!(found.len() == 1 && found[0].id != first, "{} conversations", found.len());
            anyhow::ensure!(scene.voicemails(JANE) == 1, "{} voicemails", scene.voicemails(JANE));
            Ok(())
        })
        .await;
}

#[actix_web::test]
async fn a_contact_that_is_deleted_during_the_call_is_made_again_for_its_end() {
    Setting::sqlite()
        .play(async |scene| {
            scene.dial(JANE).await?;
            all_ring(scene).await?;
            accept(scene, SAM, JANE).await?;
            let contact = scene.conversations(JANE)[0].contact_id;
            administer(scene, Method::DELETE, &format!("contacts/{contact}"), None).await?;
            hang_up(scene, JANE).await?;
            scene.wait(60.0).await?;
            anyhow::ensure!(inbox_says(scene, JANE, "Call ended"), "the note at the end is nowhere");
            Ok(())
        })
        .await;
}

#[actix_web::test]
async fn a_voicemail_too_large_for_the_proxy_before_chatwoot_is_told_without_its_audio() {
    Setting::sqlite()
        .play(async |scene| {
            scene.exchange.chatwoot.limit_uploads(100);
            leave_voicemail(scene).await?;
            scene.wait(60.0).await?;
            anyhow::ensure!(inbox_says(scene, JANE, "too large for Chatwoot"), "nobody is told of the message");
            anyhow::ensure!(scene.voicemails(JANE) == 0, "the audio came through");
            let labels = scene.conversations(JANE)[0].labels.clone();
            anyhow::ensure!(labels.iter().any(|label| label == "voicemail"), "labels {labels:?}");
            Ok(())
        })
        .await;
}
