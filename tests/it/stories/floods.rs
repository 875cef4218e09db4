//! Floods of calls: who is refused, who is challenged, who gets through.

use offhook::sandbox::stories::{AGENTS, Scene};
use offhook::sandbox::twilio::PhoneAction;
use offhook::store::KnownContact;
use reqwest::Method;
use serde_json::json;

use super::stage::{
    ACME, BOTH, JANE, OMAR, PRIYA, RUTH, Setting, accept, all_ring, hang_up, leave_message, reach_recorder,
};
use super::supervised::{ask, banners, events};

async fn declare(scene: &Scene) -> anyhow::Result<()> {
    let body = json!({ "reason": "robots" });
    let (status, on) = ask(scene, Method::POST, "/brands/acme-movers/flood", Some(body)).await?;
    anyhow::ensure!(status == 201, "{status} {on}");
    Ok(())
}

/// The key that the challenge asks for, as the caller hears it.
fn key_asked(scene: &Scene, caller: &str) -> Option<String> {
    let heard = scene.exchange.twilio.heard(caller);
    let said = heard.iter().rev().find(|words| words.contains("To go on, please press"))?;
    said.trim_end_matches('.').chars().last().map(String::from)
}

async fn hear_challenge(scene: &Scene, caller: &str) -> anyhow::Result<String> {
    scene.wait_for("the challenge", 8, |scene| key_asked(scene, caller).is_some()).await?;
    key_asked(scene, caller).ok_or_else(|| anyhow::anyhow!("no key"))
}

fn nobody_was_rung(scene: &Scene) -> anyhow::Result<()> {
    anyhow::ensure!(AGENTS.iter().all(|agent| scene.rings(agent) == 0), "phones rang for a flood");
    Ok(())
}

async fn know(scene: &Scene, phone: &str) -> anyhow::Result<()> {
    let contact =
        KnownContact { phone: phone.parse()?, name: Some("Jane Doe".to_owned()), blocked: false, contact_id: 501 };
    Ok(scene.exchange.app()?.store.note_contacts(&[contact]).await?)
}

#[actix_web::test]
async fn a_refusal_has_its_reason_and_numbers_in_the_history() {
    Setting::sqlite()
        .play(async |scene| {
            for _ in 0..2 {
                scene.dial(JANE).await?;
                all_ring(scene).await?;
                hang_up(scene, JANE).await?;
                scene.wait(5.0).await?;
            }
            scene.dial(JANE).await?;
            reach_recorder(scene, JANE, 10).await?;
            let refused = events(scene, "flood_refused").await?;
            let told = json!({ "event": "flood_refused", "by": "caller", "calls": 2, "limit": 2, "window_s": 600 });
            anyhow::ensure!(refused == [told], "{refused:?}");
            anyhow::ensure!(banners(scene).await?.contains(&"calls_refused".to_owned()), "no banner tells of it");
            leave_message(scene, JANE, "Is anybody there?").await?;
            anyhow::ensure!(scene.voicemails(JANE) == 1, "a refused caller's message is lost");
            // The window passes.
            scene.wait(600.0).await?;
            scene.dial(JANE).await?;
            all_ring(scene).await?;
            hang_up(scene, JANE).await
        })
        .await;
}

#[actix_web::test]
async fn withheld_numbers_have_a_budget_of_their_own() {
    Setting::sqlite()
        .routing(
            "[[number]]\nnumber = \"+15550100002\"",
            "[floods]\ncalls_withheld = 2\n\n[[number]]\nnumber = \"+15550100002\"",
        )
        .play(async |scene| {
            for caller in [JANE, OMAR] {
                scene.act(caller, PhoneAction::DialWithheld { to: ACME.to_owned() }).await?;
                all_ring(scene).await?;
                hang_up(scene, caller).await?;
                scene.wait(5.0).await?;
            }
            scene.act(RUTH, PhoneAction::DialWithheld { to: ACME.to_owned() }).await?;
            reach_recorder(scene, RUTH, 10).await?;
            let refused = events(scene, "flood_refused").await?;
            anyhow::ensure!(refused.len() == 1 && refused[0]["by"] == "withheld", "{refused:?}");
            // One who shows a number is not held back by those who do not.
            scene.dial(JANE).await?;
            all_ring(scene).await?;
            hang_up(scene, JANE).await?;
            hang_up(scene, RUTH).await?;
            scene.wait(30.0).await
        })
        .await;
}

#[actix_web::test]
async fn in_a_declared_flood_a_stranger_presses_a_key_and_a_contact_does_not() {
    for method in BOTH {
        Setting::sqlite()
            .method(method)
            .play(async |scene| {
                declare(scene).await?;
                anyhow::ensure!(banners(scene).await?.contains(&"flood_declared".to_owned()), "no banner");
                know(scene, JANE).await?;
                scene.dial(JANE).await?;
                all_ring(scene).await?;
                anyhow::ensure!(key_asked(scene, JANE).is_none(), "a contact was challenged");
                hang_up(scene, JANE).await?;
                scene.wait(5.0).await?;
                scene.dial(OMAR).await?;
                let key = hear_challenge(scene, OMAR).await?;
                let wrong = if key == "9" { "2" } else { "9" };
                scene.press(OMAR, wrong).await?;
                scene.wait(3.0).await?;
                anyhow::ensure!(AGENTS.iter().all(|agent| scene.rings(agent) == 1), "a wrong key rang phones");
                scene.press(OMAR, &key).await?;
                all_ring(scene).await?;
                accept(scene, PRIYA, OMAR).await?;
                hang_up(scene, OMAR).await?;
                scene.wait(10.0).await
            })
            .await;
    }
}

#[actix_web::test]
async fn in_a_declared_flood_a_robot_rings_nobody_and_a_second_call_is_too_many() {
    Setting::sqlite()
        .play(async |scene| {
            declare(scene).await?;
            scene.dial(OMAR).await?;
            hear_challenge(scene, OMAR).await?;
            reach_recorder(scene, OMAR, 40).await?;
            let refused = events(scene, "flood_refused").await?;
            anyhow::ensure!(refused.len() == 1 && refused[0]["by"] == "challenge", "{refused:?}");
            hang_up(scene, OMAR).await?;
            scene.wait(5.0).await?;
            scene.dial(OMAR).await?;
            reach_recorder(scene, OMAR, 10).await?;
            let refused = events(scene, "flood_refused").await?;
            anyhow::ensure!(refused.len() == 1 && refused[0]["by"] == "caller_declared", "{refused:?}");
            nobody_was_rung(scene)?;
            hang_up(scene, OMAR).await?;
            scene.wait(30.0).await
        })
        .await;
}

#[actix_web::test]
async fn a_declared_flood_ends_by_itself_and_by_hand() {
    Setting::sqlite()
        .play(async |scene| {
            declare(scene).await?;
            let (status, off) = ask(scene, Method::DELETE, "/brands/acme-movers/flood", None).await?;
            anyhow::ensure!(status == 200 && off["kind"] == "flood", "{status} {off}");
            declare(scene).await?;
            scene.wait(4.0 * 3_600.0 - 3_600.0).await?;
            scene.dial(OMAR).await?;
            hear_challenge(scene, OMAR).await?;
            hang_up(scene, OMAR).await?;
            scene.wait(3_600.0).await?;
            scene.dial(RUTH).await?;
            all_ring(scene).await?;
            hang_up(scene, RUTH).await
        })
        .await;
}
