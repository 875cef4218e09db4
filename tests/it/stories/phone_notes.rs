//! Agents switch their phones by private notes, and come back from a pause the same way.

use offhook::chatwoot::{ChatwootText, NewMessage};
use offhook::sandbox::stories::Scene;

use super::chatwoot_people::{client, open_conversations, user, webhooks_arrive, write, write_note};
use super::stage::{
    BEN, JANE, LUIS, MEI, OMAR, PRIYA, RUTH, SAM, Setting, TOM, all_ring, hang_up, inbox_says, reach_recorder,
};

async fn somewhere(scene: &Scene) -> anyhow::Result<i64> {
    let opened = open_conversations(scene, "Acme Movers", Some("Tom Becker"), 1).await?;
    webhooks_arrive(scene, &opened).await?;
    Ok(opened[0])
}

/// How often a note of ours in the conversation contains the words.
fn replies(scene: &Scene, conversation: i64, words: &str) -> usize {
    let all = scene.exchange.chatwoot.conversations();
    let messages = all.into_iter().filter(|one| one.id == conversation).flat_map(|one| one.messages);
    let ours = messages.filter(|one| one.source_id.as_deref().is_some_and(|id| id.starts_with("offhook:phone:")));
    ours.filter(|one| one.content.as_deref().is_some_and(|text| text.contains(words))).count()
}

#[actix_web::test]
async fn a_note_switches_a_phone_off_while_it_rings_and_on_again() {
    Setting::sqlite()
        .play(async |scene| {
            let conversation = somewhere(scene).await?;
            scene.dial(JANE).await?;
            all_ring(scene).await?;
            write_note(scene, conversation, "Sam Carter", "/phone off").await?;
            scene.wait_for("Sam's phone stops", 2, |scene| !scene.is_ringing(SAM)).await?;
            anyhow::ensure!(scene.is_ringing(PRIYA), "Priya's phone stopped too");
            scene.wait_for("the answer", 3, |scene| replies(scene, conversation, "your phone is off") == 1).await?;
            hang_up(scene, JANE).await?;
            scene.wait(20.0).await?;

            scene.dial(OMAR).await?;
            scene.wait_for("Priya's phone rings", 8, |scene| scene.is_ringing(PRIYA)).await?;
            anyhow::ensure!(!scene.is_ringing(SAM), "Sam's phone is off and rings");
            // Back in the middle of the ring.
            write_note(scene, conversation, "Sam Carter", "/phone on").await?;
            scene.wait_for("Sam's phone joins", 5, |scene| scene.is_ringing(SAM)).await?;
            scene.wait_for("the answer", 3, |scene| replies(scene, conversation, "your phone is on") == 1).await?;
            hang_up(scene, OMAR).await?;
            scene.wait(20.0).await
        })
        .await;
}

#[actix_web::test]
async fn a_phone_that_is_off_until_a_time_is_on_again_then() {
    Setting::sqlite()
        .play(async |scene| {
            let conversation = somewhere(scene).await?;
            // It is 11 in the morning in New York, the brand's zone.
            write_note(scene, conversation, "Sam Carter", "/phone off until 11:05").await?;
            scene.wait(3.0).await?;
            let said = replies(scene, conversation, "Tuesday 24 November, 11:05 AM EST");
            anyhow::ensure!(said == 1, "the answer does not say until when");
            scene.dial(JANE).await?;
            scene.wait_for("Priya's phone rings", 8, |scene| scene.is_ringing(PRIYA)).await?;
            anyhow::ensure!(!scene.is_ringing(SAM), "Sam's phone is off and rings");
            hang_up(scene, JANE).await?;
            scene.wait(310.0).await?;
            scene.dial(OMAR).await?;
            all_ring(scene).await?;
            hang_up(scene, OMAR).await?;
            scene.wait(5.0).await
        })
        .await;
}

#[actix_web::test]
async fn only_private_notes_of_people_who_take_calls_switch_anything() {
    Setting::sqlite()
        .play(async |scene| {
            let conversation = somewhere(scene).await?;
            write(scene, conversation, "Sam Carter", "/phone off", false).await?;
            write_note(scene, conversation, "Sam Carter", "Please write /phone off yourself").await?;
            write_note(scene, conversation, "Sam Carter", "/phone off until late").await?;
            // Ours: by the service's user, and by the bot.
            let client = client(scene)?;
            let bot = client.list_agent_bots().await?[0].id;
            let note = |key: &str| NewMessage::note(ChatwootText::escaped("/phone off"), key);
            client.create_message(conversation, note("offhook:story:one")).await?;
            client.create_message(conversation, note("story:two").as_bot(bot)).await?;
            // Somebody who takes no calls.
            let stranger = scene.exchange.chatwoot.agents().into_iter().find(|agent| agent.is_administrator).unwrap();
            write_note(scene, conversation, &stranger.name, "/phone off").await?;
            scene.wait(5.0).await?;
            anyhow::ensure!(replies(scene, conversation, "not understood") == 1, "the faulty note was not answered");
            anyhow::ensure!(replies(scene, conversation, "No phone of yours") == 1, "the stranger was not answered");
            anyhow::ensure!(replies(scene, conversation, "") == 2, "something else was answered");
            scene.dial(JANE).await?;
            all_ring(scene).await?;
            hang_up(scene, JANE).await?;
            scene.wait(5.0).await
        })
        .await;
}

#[actix_web::test]
async fn the_answer_to_a_note_is_given_once_whatever_chatwoot_does() {
    Setting::sqlite()
        .play(async |scene| {
            let conversation = somewhere(scene).await?;
            let messages = "POST conversations/:id/messages";
            scene.exchange.chatwoot.lose_reply_once(messages);
            write_note(scene, conversation, "Sam Carter", "/phone off").await?;
            scene.wait(5.0).await?;
            scene.exchange.restart_service().await?;
            scene.wait(100.0).await?;
            let said = replies(scene, conversation, "your phone is off");
            anyhow::ensure!(said == 1, "it was said {said} times");
            Ok(())
        })
        .await;
}

#[actix_web::test]
async fn a_paused_agent_is_told_how_to_come_back_and_does_and_supervisors_hear_of_who_was_spared() {
    let supervisor =
        "[[supervisor]]\nid = \"sam\"\nname = \"Sam Carter\"\nchatwoot_user_id = 2\n\n[[agent]]\nid = \"sam\"";
    Setting::sqlite()
        .routing("[[agent]]\nid = \"sam\"", supervisor)
        .play(async |scene| {
            // Mei and Tom are the last two of the other brand.
            for caller in [JANE, OMAR, RUTH] {
                scene.dial(caller).await?;
                all_ring(scene).await?;
                reach_recorder(scene, caller, 45).await?;
                hang_up(scene, caller).await?;
                scene.wait(200.0).await?;
            }
            let texts: Vec<String> = scene.messages(RUTH).into_iter().filter_map(|one| one.content).collect();
            let paused: Vec<&String> = texts.iter().filter(|text| text.contains("in a row, so their phone")).collect();
            let spared: Vec<&String> = texts.iter().filter(|text| text.contains("was not paused")).collect();
            anyhow::ensure!((paused.len(), spared.len()) == (3, 2), "{texts:?}");
            let luis = format!("mention://user/{}/Luis", user(scene, "Luis Ortega"));
            let of_luis = paused.iter().filter(|text| text.contains(&luis) && text.contains("/phone on"));
            anyhow::ensure!(of_luis.count() == 1, "Luis was not told: {paused:?}");
            let sam = format!("mention://user/{}/Sam", user(scene, "Sam Carter"));
            anyhow::ensure!(spared.iter().all(|text| text.contains(&sam)), "no supervisor was told: {spared:?}");

            let conversation = scene.conversations(RUTH)[0].id;
            write_note(scene, conversation, "Luis Ortega", "/phone on").await?;
            scene.dial(BEN).await?;
            scene.wait_for("Luis is back", 8, |scene| [LUIS, MEI, TOM].iter().all(|one| scene.is_ringing(one))).await?;
            anyhow::ensure!(![SAM, PRIYA].iter().any(|one| scene.is_ringing(one)), "a paused phone rings");
            anyhow::ensure!(inbox_says(scene, RUTH, "your phone is on"), "Luis had no answer");
            hang_up(scene, BEN).await?;
            scene.wait(5.0).await
        })
        .await;
}
