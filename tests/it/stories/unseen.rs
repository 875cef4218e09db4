//! Calls that never reached us are in the inbox soon after the end of the outage, with what was recorded.

use chrono::TimeDelta;
use offhook::sandbox::stories::{ACME, Scene};
use offhook::sandbox::twilio::PhoneAction;
use serde_json::json;

use super::paths::has_labels;
use super::stage::{BEN, JANE, OMAR, SAM, Setting, inbox_says, leave_message, reach_recorder, turn};
use crate::exchange::postgres;

async fn take_up(scene: &Scene) -> anyhow::Result<usize> {
    scene.exchange.app()?.take_up_unseen_calls().await
}

async fn call_in_vain(scene: &Scene, phone: &str) -> anyhow::Result<()> {
    turn(scene, &json!({ "webhooks": "unreachable" }));
    scene.dial(phone).await?;
    scene.wait(20.0).await?;
    turn(scene, &json!({ "webhooks": "ok" }));
    scene.wait(70.0).await
}

#[actix_web::test]
async fn a_call_of_an_outage_is_in_the_inbox_once_and_others_are_left_alone() {
    Setting::sqlite()
        .allows_violations()
        .play(async |scene| {
            call_in_vain(scene, BEN).await?;
            anyhow::ensure!(take_up(scene).await? == 0, "a call from before we served the number was taken up");
            scene.dial(OMAR).await?;
            reach_recorder(scene, OMAR, 60).await?;
            leave_message(scene, OMAR, "Please call me.").await?;
            call_in_vain(scene, SAM).await?;
            call_in_vain(scene, JANE).await?;
            anyhow::ensure!(scene.conversations(JANE).is_empty(), "somebody heard of the call");
            anyhow::ensure!(take_up(scene).await? == 1, "not the one call");
            anyhow::ensure!(take_up(scene).await? == 0, "it was taken up twice");
            scene.exchange.restart_service().await?;
            anyhow::ensure!(take_up(scene).await? == 0, "it was taken up again after a restart");
            scene.wait(120.0).await?;
            has_labels(scene, JANE, &["missed-call"])?;
            anyhow::ensure!(inbox_says(scene, JANE, "Missed call"), "the call is not in the inbox");
            anyhow::ensure!(scene.conversations(SAM).is_empty(), "an agent's call is in the inbox");
            anyhow::ensure!(scene.conversations(BEN).is_empty(), "an old call is in the inbox");
            anyhow::ensure!(scene.voicemails(OMAR) == 1, "Omar's message is there {} times", scene.voicemails(OMAR));
            Ok(())
        })
        .await;
}

/// The database is away from the first ring to the end of the call: the door's safe reply records, and nobody is told.
#[actix_web::test]
async fn a_message_left_while_the_database_was_away_is_in_the_inbox() {
    let url = postgres::fresh_database();
    Setting::on(&url)
        .play(async |scene| {
            anyhow::ensure!(take_up(scene).await? == 0, "there was a call");
            scene.wait(5.0).await?;
            postgres::take_away(&url);
            let twilio = &scene.exchange.twilio;
            let act = async |action| twilio.act(JANE, action).await.map_err(anyhow::Error::msg);
            let pass = async |seconds| twilio.advance_to(twilio.now() + TimeDelta::seconds(seconds)).await;
            act(PhoneAction::Dial { to: ACME.to_owned() }).await?;
            pass(6).await;
            act(PhoneAction::SpeakFor { text: "The roof leaks.".to_owned(), secs: 5 }).await?;
            pass(6).await;
            act(PhoneAction::HangUp).await?;
            pass(30).await;
            postgres::give_back(&url);
            scene.wait(150.0).await?;
            anyhow::ensure!(
                scene.conversations(JANE).is_empty(),
                "somebody heard of the call: the test proves nothing"
            );
            anyhow::ensure!(take_up(scene).await? == 1, "the call was not taken up");
            scene.wait(120.0).await?;
            anyhow::ensure!(scene.voicemails(JANE) == 1, "the message is there {} times", scene.voicemails(JANE));
            has_labels(scene, JANE, &["voicemail"])
        })
        .await;
}
