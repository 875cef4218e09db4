//! Who has how much to do in the brand's inbox, and what that means for who rings first.

use std::time::Duration;

use offhook::chatwoot::ConversationStatus;
use offhook::sandbox::stories::Scene;
use reqwest::Method;
use serde_json::Value;

use super::chatwoot_people::{ask, client, open_conversations, user, webhooks_arrive};
use super::stage::{JANE, LUIS, MEI, PRIYA, SAM, Setting, TOM, hang_up};

const ACME_INBOX: &str = "Acme Movers";
const EVERYBODY: [&str; 5] = [LUIS, MEI, PRIYA, SAM, TOM];

/// Nobody was ever offered a call, so agents stand in the order of their ids; one phone rings at a time.
fn one_at_a_time() -> Setting {
    Setting::sqlite().routing("max_wait_s = 25", "max_wait_s = 25\nring_width = 1\nwave_interval_s = 20")
}

async fn rings_first(scene: &Scene, phone: &str) -> anyhow::Result<()> {
    scene.dial(JANE).await?;
    scene.wait_for("a phone rings", 8, |scene| EVERYBODY.iter().any(|one| scene.is_ringing(one))).await?;
    let ringing: Vec<_> = EVERYBODY.into_iter().filter(|one| scene.is_ringing(one)).collect();
    anyhow::ensure!(ringing == [phone], "{ringing:?} rings, and not {phone}");
    hang_up(scene, JANE).await?;
    scene.wait(5.0).await
}

/// What the decision record of the last call says of an agent.
async fn recorded(scene: &Scene, agent: &str) -> anyhow::Result<Value> {
    let (_, calls) = ask(scene, Method::GET, "/calls?limit=1", None).await?;
    let (_, call) = ask(scene, Method::GET, &format!("/calls/{}", calls[0]["id"].as_str().unwrap()), None).await?;
    let events = call["history"].as_array().unwrap().iter().flat_map(|line| line["events"].as_array().unwrap());
    let mut taken = events.filter(|event| event["event"] == "shortlist_taken");
    let record = taken.next().unwrap()["record"].to_string();
    let record: Value = serde_json::from_str(&record)?;
    let agents = record["agents"].as_array().unwrap();
    Ok(agents.iter().find(|one| one["agent"] == agent).unwrap().clone())
}

#[actix_web::test]
async fn who_has_three_open_conversations_stands_behind_who_has_none() {
    one_at_a_time()
        .play(async |scene| {
            let theirs = open_conversations(scene, ACME_INBOX, Some("Luis Ortega"), 3).await?;
            webhooks_arrive(scene, &theirs).await?;
            rings_first(scene, MEI).await?;
            let luis = recorded(scene, "luis").await?;
            anyhow::ensure!(luis["open_conversations"] == 3, "the decision record says {luis}");
            Ok(())
        })
        .await;
}

#[actix_web::test]
async fn conversations_given_to_a_colleague_weigh_on_the_colleague() {
    one_at_a_time()
        .play(async |scene| {
            let theirs = open_conversations(scene, ACME_INBOX, Some("Luis Ortega"), 3).await?;
            webhooks_arrive(scene, &theirs).await?;
            scene.wait(2.0).await?;
            for one in &theirs {
                client(scene)?.assign(*one, user(scene, "Mei Tanaka")).await?;
            }
            webhooks_arrive(scene, &theirs).await?;
            rings_first(scene, LUIS).await
        })
        .await;
}

#[actix_web::test]
async fn what_is_resolved_snoozed_or_pending_weighs_on_nobody() {
    one_at_a_time()
        .play(async |scene| {
            let theirs = open_conversations(scene, ACME_INBOX, Some("Luis Ortega"), 3).await?;
            webhooks_arrive(scene, &theirs).await?;
            scene.wait(2.0).await?;
            use ConversationStatus::{Pending, Resolved, Snoozed};
            for (one, status) in theirs.iter().zip([Pending, Resolved, Snoozed]) {
                client(scene)?.toggle_status(*one, status).await?;
            }
            webhooks_arrive(scene, &theirs).await?;
            rings_first(scene, LUIS).await
        })
        .await;
}

#[actix_web::test]
async fn the_inbox_of_another_brand_does_not_count() {
    one_at_a_time()
        .play(async |scene| {
            let theirs = open_conversations(scene, "Harbour Storage", Some("Luis Ortega"), 3).await?;
            webhooks_arrive(scene, &theirs).await?;
            rings_first(scene, LUIS).await
        })
        .await;
}

#[actix_web::test]
async fn lost_webhooks_leave_the_order_as_it_was_until_the_inbox_is_read() {
    one_at_a_time()
        .play(async |scene| {
            scene.exchange.chatwoot.send_webhooks(false);
            open_conversations(scene, ACME_INBOX, Some("Luis Ortega"), 3).await?;
            rings_first(scene, LUIS).await
        })
        .await;
}

#[actix_web::test]
async fn reading_the_inbox_repairs_lost_webhooks_over_all_its_pages() {
    one_at_a_time()
        .play(async |scene| {
            scene.exchange.chatwoot.send_webhooks(false);
            // More than a page before those that count.
            open_conversations(scene, ACME_INBOX, None, 26).await?;
            let theirs = open_conversations(scene, ACME_INBOX, Some("Luis Ortega"), 3).await?;
            scene.exchange.app()?.queue.read_inboxes(None, Duration::ZERO).await;
            scene.wait(90.0).await?;
            rings_first(scene, MEI).await?;
            let luis = recorded(scene, "luis").await?;
            anyhow::ensure!(luis["open_conversations"] == 3, "the decision record says {luis}");
            let age_ms = luis["open_conversations_age_ms"].as_i64().unwrap_or(-1);
            anyhow::ensure!((90_000..100_000).contains(&age_ms), "the figure is {age_ms} ms old");

            // What was closed meanwhile is not named by the next reading.
            for one in theirs {
                client(scene)?.toggle_status(one, ConversationStatus::Resolved).await?;
            }
            scene.exchange.app()?.queue.read_inboxes(None, Duration::ZERO).await;
            rings_first(scene, LUIS).await
        })
        .await;
}

#[actix_web::test]
async fn a_chatwoot_that_is_down_leaves_the_last_known_figures() {
    one_at_a_time()
        .play(async |scene| {
            let theirs = open_conversations(scene, ACME_INBOX, Some("Luis Ortega"), 3).await?;
            webhooks_arrive(scene, &theirs).await?;
            scene.exchange.chatwoot.set_state(offhook::sandbox::chatwoot::State::Down);
            scene.exchange.app()?.queue.read_inboxes(None, Duration::ZERO).await;
            rings_first(scene, MEI).await
        })
        .await;
}
