//! The recorder: reached by key, by hours, by deadline; what becomes of the message.

use offhook::sandbox::stories::AGENTS;
use offhook::sandbox::twilio::PhoneAction;
use serde_json::json;

use super::stage::{JANE, Setting, all_ring, hang_up, inbox_says, leave_message, none_rings, reach_recorder, turn};

#[actix_web::test]
async fn the_key_leads_a_waiting_caller_to_the_recorder() {
    Setting::sqlite()
        .play(async |scene| {
            scene.dial(JANE).await?;
            all_ring(scene).await?;
            // A key is heard in the last second of each wait document.
            for _ in 0..24 {
                scene.wait(0.5).await?;
                scene.press(JANE, "1").await?;
                if !AGENTS.iter().any(|agent| scene.is_ringing(agent)) {
                    break;
                }
            }
            none_rings(scene, 2).await?;
            reach_recorder(scene, JANE, 10).await?;
            leave_message(scene, JANE, "I had no time to wait.").await?;
            anyhow::ensure!(scene.voicemails(JANE) == 1, "{} voicemails", scene.voicemails(JANE));
            Ok(())
        })
        .await;
}

#[actix_web::test]
async fn a_caller_who_says_nothing_leaves_a_missed_call() {
    for switch in ["next-verb", "action-empty-url", "action-without-url"] {
        Setting::sqlite()
            .switches(&json!({ "empty_record": switch }))
            .play(async |scene| {
                scene.dial(JANE).await?;
                reach_recorder(scene, JANE, 45).await?;
                scene.wait(30.0).await?;
                anyhow::ensure!(scene.exchange.twilio.live_calls().is_empty(), "a silent caller is still on the line");
                scene.wait(100.0).await?;
                anyhow::ensure!(scene.voicemails(JANE) == 0, "a silence was posted as a voicemail");
                anyhow::ensure!(inbox_says(scene, JANE, "Missed call"), "the inbox does not show the missed call");
                Ok(())
            })
            .await;
    }
}

#[actix_web::test]
async fn a_caller_who_hangs_up_at_the_tone_leaves_a_missed_call() {
    Setting::sqlite()
        .play(async |scene| {
            scene.dial(JANE).await?;
            reach_recorder(scene, JANE, 45).await?;
            hang_up(scene, JANE).await?;
            scene.wait(150.0).await?;
            anyhow::ensure!(
                inbox_says(scene, JANE, "Missed call") || scene.voicemails(JANE) == 1,
                "the inbox shows nothing"
            );
            Ok(())
        })
        .await;
}

#[actix_web::test]
async fn a_caller_who_hangs_up_during_the_greeting_leaves_a_missed_call() {
    Setting::sqlite()
        .play(async |scene| {
            scene.dial(JANE).await?;
            scene.wait_for("the greeting", 45, |scene| scene.heard(JANE, "Nobody can take your call")).await?;
            hang_up(scene, JANE).await?;
            scene.wait(150.0).await?;
            anyhow::ensure!(inbox_says(scene, JANE, "Missed call"), "the inbox does not show the missed call");
            Ok(())
        })
        .await;
}

#[actix_web::test]
async fn a_message_whose_transcription_fails_is_posted_without_one() {
    Setting::sqlite()
        .switches(&json!({ "transcription_fails": true }))
        .play(async |scene| {
            scene.dial(JANE).await?;
            reach_recorder(scene, JANE, 45).await?;
            leave_message(scene, JANE, "Please call me about Friday.").await?;
            scene.wait(60.0).await?;
            anyhow::ensure!(scene.voicemails(JANE) == 1, "{} voicemails", scene.voicemails(JANE));
            anyhow::ensure!(!inbox_says(scene, JANE, "about Friday"), "there is a transcript of nothing");
            Ok(())
        })
        .await;
}

#[actix_web::test]
async fn words_of_a_caller_stay_words_in_the_transcript() {
    Setting::sqlite()
        .play(async |scene| {
            scene.dial(JANE).await?;
            reach_recorder(scene, JANE, 45).await?;
            leave_message(scene, JANE, "[click](http://evil.example) {{contact.email}} @all").await?;
            let texts: Vec<String> = scene.messages(JANE).into_iter().filter_map(|message| message.content).collect();
            let transcript = texts.iter().find(|text| text.contains("Transcript")).unwrap();
            anyhow::ensure!(!transcript.contains("[click](http"), "a link is at work in {transcript:?}");
            anyhow::ensure!(transcript.contains("evil"), "the words are lost: {transcript:?}");
            Ok(())
        })
        .await;
}

#[actix_web::test]
async fn a_recording_that_gets_lost_leaves_a_missed_call() {
    Setting::sqlite()
        .switches(&json!({ "recordings_absent": true }))
        .play(async |scene| {
            scene.dial(JANE).await?;
            reach_recorder(scene, JANE, 45).await?;
            leave_message(scene, JANE, "Please call me about Friday.").await?;
            scene.wait(150.0).await?;
            let missed = inbox_says(scene, JANE, "Missed call") || inbox_says(scene, JANE, "oicemail");
            anyhow::ensure!(missed, "the inbox shows nothing of the call");
            Ok(())
        })
        .await;
}

#[actix_web::test]
async fn a_message_left_while_no_callback_arrives_is_found() {
    Setting::sqlite()
        .play(async |scene| {
            scene.dial(JANE).await?;
            reach_recorder(scene, JANE, 45).await?;
            turn(scene, &json!({ "callbacks": { "drop": 1.0 } }));
            scene.act(JANE, PhoneAction::SpeakFor { text: "Please call me.".to_owned(), secs: 5 }).await?;
            scene.wait(6.0).await?;
            hang_up(scene, JANE).await?;
            scene.wait(200.0).await?;
            anyhow::ensure!(scene.voicemails(JANE) == 1, "{} voicemails", scene.voicemails(JANE));
            Ok(())
        })
        .await;
}
