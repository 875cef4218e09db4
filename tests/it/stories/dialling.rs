//! The method `dial` and what `auto` makes of the account, under both readings of the carrier's documentation.

use chrono::TimeDelta;
use offhook::rules::{DialStopsAt, RingMethod};
use offhook::sandbox::stories::{AGENTS, Scene};
use offhook::sandbox::twilio::{Behaviour, PhoneAction, What};
use serde_json::json;

use super::paths::{MENU, choose, heard_before_any_ring, times_heard};
use super::stage::{
    JANE, LUIS, OMAR, PRIYA, SAM, Setting, TOM, accept, all_ring, hang_up, leave_message, none_rings, reach_recorder,
    watch,
};

/// Legs that the service asked for by request, as opposed to those of a dial.
fn legs_by_request(scene: &Scene) -> usize {
    scene.exchange.twilio.webhooks().iter().filter(|sent| sent.url.contains("/twilio/agent-answer")).count()
}

#[actix_web::test]
async fn a_voicemail_that_stops_the_others_costs_a_round_and_not_the_call() {
    Setting::sqlite()
        .method(RingMethod::Dial)
        .dial_stops_at("answer")
        .play(async |scene| {
            scene.behave(SAM, Behaviour::CarrierVoicemail { after_secs: 1 });
            scene.dial(JANE).await?;
            scene.wait_for("Priya's phone rings", 8, |scene| scene.is_ringing(PRIYA)).await?;
            scene
                .wait_for("Priya's phone rings again", 30, |scene| scene.rings(PRIYA) == 2 && scene.is_ringing(PRIYA))
                .await?;
            let idle = idle_before_second_ring(scene, SAM, PRIYA)?;
            anyhow::ensure!(idle <= TimeDelta::seconds(3), "no phone rang for {idle} after the voicemail had hung up");
            accept(scene, PRIYA, JANE).await?;
            anyhow::ensure!(scene.rings(SAM) == 1, "the voicemail was rung again first");
            watch(scene, 10).await?;
            hang_up(scene, PRIYA).await?;
            scene.wait(5.0).await?;
            anyhow::ensure!(
                scene.assignee(JANE).as_deref() == Some("Priya Nair"),
                "the owner is {:?}",
                scene.assignee(JANE)
            );
            Ok(())
        })
        .await;
}

/// How long nobody was rung between the end of the leg that stopped the others and their next ring.
fn idle_before_second_ring(scene: &Scene, stopper: &str, other: &str) -> anyhow::Result<TimeDelta> {
    let log = scene.exchange.twilio.log();
    let ended = log.iter().find(|entry| entry.phone == stopper && matches!(entry.what, What::Ended { .. }));
    let again = scene.exchange.twilio.rings(other).get(1).map(|ring| ring.from);
    let (ended, again) = (ended.map(|entry| entry.at), again);
    ended.zip(again).map(|(ended, again)| again - ended).ok_or_else(|| anyhow::anyhow!("there was no second ring"))
}

#[actix_web::test]
async fn by_dial_whoever_picked_up_and_said_nothing_is_rung_again_when_no_other_phone_is_left() {
    for reading in ["accept", "answer"] {
        Setting::sqlite()
            .method(RingMethod::Dial)
            .dial_stops_at(reading)
            .roster(&["sam", "priya"])
            .play(async |scene| {
                scene.behave(PRIYA, Behaviour::Declines);
                scene.dial(JANE).await?;
                scene.wait_for("Sam's phone rings", 8, |scene| scene.is_ringing(SAM)).await?;
                scene.act(SAM, PhoneAction::Answer).await?;
                scene.wait_for("Sam is let go", 15, |scene| !scene.is_ringing(SAM) && !is_in_call(scene, SAM)).await?;
                scene.behave(PRIYA, Behaviour::Busy);
                scene.wait_for("Sam's phone rings again", 20, |scene| scene.is_ringing(SAM)).await?;
                accept(scene, SAM, JANE).await?;
                hang_up(scene, JANE).await?;
                scene.wait(10.0).await
            })
            .await;
    }
}

fn is_in_call(scene: &Scene, phone: &str) -> bool {
    let phones = scene.exchange.twilio.phones_state();
    phones.as_array().is_some_and(|phones| phones.iter().any(|one| one["number"] == phone && one["state"] != "idle"))
}

#[actix_web::test]
async fn by_dial_the_greeting_is_heard_once_and_before_any_phone_rings() {
    Setting::sqlite()
        .method(RingMethod::Dial)
        .dial_stops_at("answer")
        .play(async |scene| {
            scene.behave(SAM, Behaviour::CarrierVoicemail { after_secs: 1 });
            scene.dial(JANE).await?;
            scene.wait_for("Priya's phone rings again", 30, |scene| scene.rings(PRIYA) == 2).await?;
            let greeting = "Thank you for calling Acme Movers.";
            anyhow::ensure!(heard_before_any_ring(scene, JANE, greeting), "a phone rang before the greeting");
            let said = times_heard(scene, JANE, greeting);
            anyhow::ensure!(said == 1, "the greeting was said {said} times");
            anyhow::ensure!(!scene.heard(JANE, "instead of waiting"), "no key is heard in a dial");
            hang_up(scene, JANE).await?;
            scene.wait(10.0).await
        })
        .await;
    Setting::sqlite()
        .method(RingMethod::Dial)
        .tables(MENU)
        .play(async |scene| {
            scene.dial(JANE).await?;
            choose(scene, JANE, "1").await?;
            scene.wait_for("Priya's phone rings", 12, |scene| scene.is_ringing(PRIYA)).await?;
            let greeting = "A quote takes two minutes.";
            anyhow::ensure!(heard_before_any_ring(scene, JANE, greeting), "the intent's greeting is missing");
            accept(scene, PRIYA, JANE).await?;
            hang_up(scene, JANE).await?;
            scene.wait(10.0).await
        })
        .await;
}

#[actix_web::test]
async fn by_dial_nobody_answers_and_the_recorder_is_reached() {
    for reading in ["accept", "answer"] {
        Setting::sqlite()
            .method(RingMethod::Dial)
            .dial_stops_at(reading)
            .play(async |scene| {
                scene.dial(JANE).await?;
                all_ring(scene).await?;
                let began = scene.exchange.now();
                reach_recorder(scene, JANE, 60).await?;
                let took = (scene.exchange.now() - began).num_seconds();
                anyhow::ensure!(took <= 39, "the recorder was reached after {took} s");
                leave_message(scene, JANE, "Please call me.").await?;
                anyhow::ensure!(scene.voicemails(JANE) == 1, "{} voicemails", scene.voicemails(JANE));
                Ok(())
            })
            .await;
    }
}

#[actix_web::test]
async fn by_dial_five_voicemails_never_accept() {
    for reading in ["accept", "answer"] {
        Setting::sqlite()
            .method(RingMethod::Dial)
            .dial_stops_at(reading)
            .play(async |scene| {
                for agent in AGENTS {
                    scene.behave(agent, Behaviour::CarrierVoicemail { after_secs: 2 });
                }
                scene.dial(JANE).await?;
                reach_recorder(scene, JANE, 80).await?;
                leave_message(scene, JANE, "Please call me.").await?;
                anyhow::ensure!(scene.exchange.twilio.bridges().is_empty(), "a voicemail met the caller");
                Ok(())
            })
            .await;
    }
}

#[actix_web::test]
async fn by_dial_one_declines_and_another_accepts() {
    for reading in ["accept", "answer"] {
        Setting::sqlite()
            .method(RingMethod::Dial)
            .dial_stops_at(reading)
            .play(async |scene| {
                scene.dial(JANE).await?;
                all_ring(scene).await?;
                scene.answer(SAM).await?;
                scene.press(SAM, "3").await?;
                scene.wait_for("Priya's phone rings on, or again", 15, |scene| scene.is_ringing(PRIYA)).await?;
                accept(scene, PRIYA, JANE).await?;
                none_rings(scene, 2).await?;
                hang_up(scene, JANE).await?;
                scene.wait(5.0).await
            })
            .await;
    }
}

#[actix_web::test]
async fn by_dial_two_press_at_once_and_one_wins() {
    Setting::sqlite()
        .method(RingMethod::Dial)
        .dial_stops_at("accept")
        .play(async |scene| {
            scene.dial(JANE).await?;
            all_ring(scene).await?;
            scene.act(SAM, PhoneAction::Answer).await?;
            scene.act(PRIYA, PhoneAction::Answer).await?;
            scene.wait(1.0).await?;
            let press = |agent: &str| (agent.to_owned(), PhoneAction::Keys("1".to_owned()));
            scene.exchange.twilio.act_together(vec![press(SAM), press(PRIYA)]).await.map_err(anyhow::Error::msg)?;
            scene.exchange.settle().await?;
            scene.wait(4.0).await?;
            let (sam, priya) = (scene.talk(SAM, JANE), scene.talk(PRIYA, JANE));
            anyhow::ensure!(sam != priya, "Sam talks: {sam}, Priya talks: {priya}");
            hang_up(scene, JANE).await?;
            scene.wait(5.0).await?;
            let owner = if sam { "Sam Carter" } else { "Priya Nair" };
            anyhow::ensure!(scene.assignee(JANE).as_deref() == Some(owner), "the owner is {:?}", scene.assignee(JANE));
            Ok(())
        })
        .await;
}

#[actix_web::test]
async fn auto_dials_where_the_pace_is_too_slow_and_dial_is_known_to_stop_at_the_accept() {
    Setting::sqlite()
        .calls_per_second(1, 1)
        .routing("max_wait_s = 25", "max_wait_s = 14")
        .dial_known_to_stop_at(DialStopsAt::Accept)
        .dial_stops_at("accept")
        .play(async |scene| {
            scene.dial(JANE).await?;
            all_ring(scene).await?;
            anyhow::ensure!(legs_by_request(scene) == 0, "legs were asked for by request");
            accept(scene, TOM, JANE).await?;
            hang_up(scene, JANE).await?;
            scene.wait(5.0).await?;
            anyhow::ensure!(legs_by_request(scene) == 0, "the answered leg was asked for by request");
            Ok(())
        })
        .await;
}

#[actix_web::test]
async fn auto_goes_on_by_legs_at_a_slow_pace_where_dial_is_unknown() {
    for known in [DialStopsAt::Unknown, DialStopsAt::Answer] {
        Setting::sqlite()
            .calls_per_second(1, 1)
            .routing("max_wait_s = 25", "max_wait_s = 14")
            .dial_known_to_stop_at(known)
            .play(async |scene| {
                scene.dial(JANE).await?;
                scene
                    .wait_for("every phone rings", 9, |scene| AGENTS.iter().all(|agent| scene.is_ringing(agent)))
                    .await?;
                accept(scene, LUIS, JANE).await?;
                anyhow::ensure!(legs_by_request(scene) >= 1, "the answered leg was dialled by a document");
                hang_up(scene, JANE).await?;
                scene.wait(5.0).await
            })
            .await;
    }
}

#[actix_web::test]
async fn rest_fails_before_a_phone_rang_and_the_caller_is_dialled_for() {
    Setting::sqlite()
        .dial_stops_at("accept")
        .play(async |scene| {
            scene.exchange.twilio.set_switches(&json!({ "rest": "429" })).map_err(anyhow::Error::msg)?;
            scene.dial(JANE).await?;
            scene.wait_for("a phone rings all the same", 15, |scene| scene.is_ringing(SAM)).await?;
            let rung = scene
                .exchange
                .twilio
                .log()
                .iter()
                .filter(|entry| entry.what == What::Ringing && entry.phone == SAM)
                .count();
            anyhow::ensure!(rung == 1, "Sam's phone rang {rung} times");
            accept(scene, SAM, JANE).await?;
            hang_up(scene, JANE).await?;
            scene.wait(5.0).await?;
            scene.exchange.twilio.set_switches(&json!({ "rest": "ok" })).map_err(anyhow::Error::msg)?;
            scene.wait(60.0).await
        })
        .await;
}

#[actix_web::test]
async fn by_dial_a_second_caller_waits_and_gets_the_phones_that_came_free() {
    Setting::sqlite()
        .method(RingMethod::Dial)
        .dial_stops_at("accept")
        .play(async |scene| {
            scene.dial(JANE).await?;
            all_ring(scene).await?;
            scene.dial(OMAR).await?;
            scene.wait(2.0).await?;
            accept(scene, PRIYA, JANE).await?;
            scene.wait_for("Sam's phone rings for Omar", 15, |scene| scene.is_ringing(SAM)).await?;
            accept(scene, SAM, OMAR).await?;
            anyhow::ensure!(scene.talk(PRIYA, JANE), "Jane lost her agent");
            hang_up(scene, JANE).await?;
            hang_up(scene, OMAR).await?;
            scene.wait(5.0).await
        })
        .await;
}
