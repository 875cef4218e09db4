//! What Chatwoot's lists say: who works there, and whom the team blocked. Read again and again, since events are lost.

use offhook::chatwoot::NewContact;
use offhook::sandbox::stories::Scene;
use reqwest::Method;
use serde_json::json;

use super::chatwoot_people::{client, user};
use super::gone_from_inbox::administer;
use super::stage::{JANE, LUIS, PRIYA, SAM, Setting, TOM, accept, all_ring, hang_up, none_rings};

async fn read_lists_for(scene: &Scene, minutes: u32) -> anyhow::Result<()> {
    for _ in 0..minutes {
        scene.exchange.app()?.hear_chatwoot().await;
        scene.wait(60.0).await?;
    }
    Ok(())
}

#[actix_web::test]
async fn an_agent_who_was_removed_from_chatwoot_is_rung_no_more() {
    Setting::sqlite()
        .play(async |scene| {
            read_lists_for(scene, 1).await?;
            scene.dial(JANE).await?;
            all_ring(scene).await?;
            accept(scene, SAM, JANE).await?;
            hang_up(scene, JANE).await?;
            administer(scene, Method::DELETE, &format!("agents/{}", user(scene, "Priya Nair")), None).await?;
            read_lists_for(scene, 3).await?;
            let before = scene.rings(PRIYA);
            scene.dial(JANE).await?;
            scene.wait_for("Luis' phone rings", 8, |scene| scene.is_ringing(LUIS)).await?;
            scene.wait(2.0).await?;
            anyhow::ensure!(scene.rings(PRIYA) == before, "the phone of an agent who was removed rings");
            hang_up(scene, JANE).await?;
            none_rings(scene, 8).await
        })
        .await;
}

#[actix_web::test]
async fn a_phone_that_rings_stops_when_its_agent_is_no_user_of_chatwoot_any_more() {
    Setting::sqlite()
        .play(async |scene| {
            administer(scene, Method::DELETE, &format!("agents/{}", user(scene, "Priya Nair")), None).await?;
            scene.exchange.app()?.hear_chatwoot().await;
            scene.wait(57.0).await?;
            scene.dial(JANE).await?;
            scene.wait_for("Priya's phone rings", 8, |scene| scene.is_ringing(PRIYA)).await?;
            scene.exchange.app()?.hear_chatwoot().await;
            scene.wait_for("Priya's phone stops", 5, |scene| !scene.is_ringing(PRIYA)).await?;
            anyhow::ensure!(scene.is_ringing(LUIS), "the others stop, too");
            hang_up(scene, JANE).await?;
            none_rings(scene, 8).await
        })
        .await;
}

#[actix_web::test]
async fn a_list_that_lacks_the_whole_team_for_a_moment_switches_nobody_off() {
    Setting::sqlite()
        .play(async |scene| {
            for name in ["Sam Carter", "Priya Nair", "Luis Ortega", "Mei Tanaka", "Tom Becker"] {
                let found = scene.exchange.chatwoot.agents().into_iter().find(|agent| agent.name == name);
                if let Some(agent) = found {
                    administer(scene, Method::DELETE, &format!("agents/{}", agent.id), None).await?;
                }
            }
            read_lists_for(scene, 3).await?;
            scene.dial(JANE).await?;
            all_ring(scene).await?;
            hang_up(scene, JANE).await?;
            none_rings(scene, 8).await?;
            // And in the end it is believed. Mei has a switch of her own and follows nobody's list.
            read_lists_for(scene, 5).await?;
            let before: Vec<usize> = [SAM, PRIYA, LUIS, TOM].map(|phone| scene.rings(phone)).into();
            scene.dial(JANE).await?;
            scene.wait(10.0).await?;
            let after: Vec<usize> = [SAM, PRIYA, LUIS, TOM].map(|phone| scene.rings(phone)).into();
            anyhow::ensure!(before == after, "phones of people who are gone ring: {before:?}, {after:?}");
            hang_up(scene, JANE).await?;
            scene.wait(5.0).await
        })
        .await;
}

#[actix_web::test]
async fn a_block_among_hundreds_of_quiet_contacts_is_known_and_ends_with_the_contact() {
    Setting::sqlite()
        .play(async |scene| {
            scene.exchange.chatwoot.send_webhooks(false);
            let client = client(scene)?;
            let inbox = client.list_inboxes().await?[0].id;
            let mut janes = 0;
            for n in 0..40 {
                let phone = if n == 20 { JANE.to_owned() } else { format!("+1555010{:04}", 3000 + n) };
                let new = NewContact {
                    inbox_id: inbox,
                    source_id: phone.clone(),
                    identifier: None,
                    name: format!("Customer {n}"),
                    phone: Some(phone),
                };
                let made = client.create_contact(&new).await?.id;
                janes = if n == 20 { made } else { janes };
            }
            scene.exchange.chatwoot.block_contact(janes, true);
            scene.exchange.app()?.hear_chatwoot().await;
            scene.dial(JANE).await?;
            scene.wait(10.0).await?;
            anyhow::ensure!(scene.rings(SAM) == 0, "a blocked caller rings phones");

            administer(scene, Method::PATCH, &format!("contacts/{janes}"), Some(json!({ "phone_number": null })))
                .await?;
            scene.exchange.app()?.hear_chatwoot().await;
            scene.dial(JANE).await?;
            all_ring(scene).await?;
            hang_up(scene, JANE).await?;
            none_rings(scene, 8).await?;

            let phone = json!({ "phone_number": JANE });
            administer(scene, Method::PATCH, &format!("contacts/{janes}"), Some(phone)).await?;
            scene.exchange.app()?.hear_chatwoot().await;
            let before = scene.rings(SAM);
            scene.dial(JANE).await?;
            scene.wait(10.0).await?;
            anyhow::ensure!(scene.rings(SAM) == before, "a caller who is blocked again rings phones");

            administer(scene, Method::DELETE, &format!("contacts/{janes}"), None).await?;
            scene.exchange.app()?.hear_chatwoot().await;
            // So long that these calls are no flood.
            scene.wait(700.0).await?;
            scene.dial(JANE).await?;
            all_ring(scene).await?;
            hang_up(scene, JANE).await?;
            none_rings(scene, 8).await
        })
        .await;
}

#[actix_web::test]
async fn every_figure_that_has_a_name_is_shown_after_a_call() {
    use offhook::telemetry::metric;
    Setting::sqlite()
        .play(async |scene| {
            scene.dial(JANE).await?;
            all_ring(scene).await?;
            accept(scene, SAM, JANE).await?;
            hang_up(scene, JANE).await?;
            scene.wait(10.0).await?;
            let base = format!("http://{}", scene.exchange.address);
            let figures = reqwest::get(format!("{base}/metrics")).await?.text().await?;
            for name in metric::AFTER_A_CALL {
                // Nobody listens to the websocket here.
                anyhow::ensure!(figures.contains(name) || name == metric::CABLE_UP, "{name} is not in {figures}");
            }
            for door in ["/twilio/voice", "/twilio/agent-answer"] {
                let counted = format!("offhook_request_seconds_count{{path=\"{door}\"}}");
                anyhow::ensure!(figures.contains(&counted), "{counted} is not in {figures}");
            }
            Ok(())
        })
        .await;
}
