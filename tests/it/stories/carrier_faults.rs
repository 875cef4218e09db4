//! The carrier misbehaves: refusals, unknown results, outages, pace, caps, callbacks lost and late.

use anyhow::Context;
use chrono::TimeDelta;
use offhook::call::effect::{Effect, Neighbour};
use offhook::rules::RingMethod;
use offhook::sandbox::stories::{AGENTS, Scene};
use offhook::sandbox::twilio::{PhoneAction, What};
use offhook::store::{Leased, Settled};
use serde_json::json;

use super::stage::{
    ACME, JANE, LUIS, OMAR, PRIYA, RUTH, SAM, Setting, TOM, accept, all_ring, hang_up, leave_message, none_rings,
    reach_recorder, turn, watch,
};

fn dialled(scene: &Scene, phone: &str) -> usize {
    scene.exchange.twilio.log().iter().filter(|entry| entry.phone == phone && entry.what == What::Ringing).count()
}

async fn ring_then_accept(scene: &Scene, agent: &str, caller: &str, within_s: u32) -> anyhow::Result<()> {
    scene.wait_for("the agent's phone rings", within_s, |scene| scene.is_ringing(agent)).await?;
    accept(scene, agent, caller).await?;
    hang_up(scene, caller).await?;
    scene.wait(6.0).await
}

#[actix_web::test]
async fn a_number_that_cannot_be_called_is_marked_and_not_tried_again() {
    for code in [21211, 21214, 21215, 21216, 21217] {
        Setting::sqlite()
            .allows_violations()
            .play(async |scene| {
                scene.exchange.twilio.refuse_number(SAM, Some(code));
                scene.dial(JANE).await?;
                ring_then_accept(scene, PRIYA, JANE, 8).await?;
                // The refusal is over, and yet the phone stays marked.
                scene.exchange.twilio.refuse_number(SAM, None);
                scene.wait(20.0).await?;
                scene.dial(OMAR).await?;
                ring_then_accept(scene, PRIYA, OMAR, 8).await?;
                anyhow::ensure!(dialled(scene, SAM) == 0, "a number that cannot be called was tried again");
                Ok(())
            })
            .await;
    }
}

#[actix_web::test]
async fn every_number_is_refused_and_the_caller_reaches_the_recorder() {
    Setting::sqlite()
        .allows_violations()
        .play(async |scene| {
            for agent in AGENTS {
                scene.exchange.twilio.refuse_number(agent, Some(21211));
            }
            scene.dial(JANE).await?;
            reach_recorder(scene, JANE, 15).await?;
            leave_message(scene, JANE, "Nobody there?").await?;
            anyhow::ensure!(scene.voicemails(JANE) == 1, "{} voicemails", scene.voicemails(JANE));
            Ok(())
        })
        .await;
}

#[actix_web::test]
async fn a_leg_whose_creation_had_no_answer_rings_once_and_may_win() {
    Setting::sqlite()
        .play(async |scene| {
            turn(scene, &json!({ "created_reply_lost_once": true }));
            scene.dial(JANE).await?;
            all_ring(scene).await?;
            for agent in AGENTS {
                scene.answer(agent).await?;
            }
            scene.press(AGENTS[0], "1").await?;
            super::stage::meet(scene, AGENTS[0], JANE).await?;
            scene.wait(5.0).await?;
            anyhow::ensure!(AGENTS.iter().all(|agent| dialled(scene, agent) == 1), "a phone was rung twice");
            for agent in &AGENTS[1..] {
                scene.press(agent, "1").await.ok();
            }
            hang_up(scene, JANE).await?;
            watch(scene, 20).await
        })
        .await;
}

#[actix_web::test]
async fn a_leg_whose_creation_had_no_answer_stops_when_the_caller_leaves() {
    Setting::sqlite()
        .play(async |scene| {
            turn(scene, &json!({ "created_reply_lost_once": true }));
            scene.dial(JANE).await?;
            all_ring(scene).await?;
            hang_up(scene, JANE).await?;
            none_rings(scene, 5).await?;
            scene.wait(90.0).await?;
            scene.dial(OMAR).await?;
            all_ring(scene).await?;
            hang_up(scene, OMAR).await?;
            none_rings(scene, 5).await?;
            scene.wait(5.0).await
        })
        .await;
}

/// Whose leg was asked for first: its creation had no answer.
fn first_asked(scene: &Scene) -> Option<String> {
    let asked = scene.exchange.twilio.log();
    asked.into_iter().find(|entry| entry.what == What::Waiting).map(|entry| entry.phone)
}

#[actix_web::test]
async fn a_leg_whose_creation_had_no_answer_stops_when_another_agent_claims() {
    Setting::sqlite()
        .switches(&json!({ "created_reply_lost_once": true, "callbacks": { "drop": 1.0 }, "ring_after_ms": 500 }))
        .play(async |scene| {
            scene.dial(JANE).await?;
            all_ring(scene).await?;
            let nameless = first_asked(scene).context("a phone was asked for")?;
            let winner = if nameless == PRIYA { SAM } else { PRIYA };
            accept(scene, winner, JANE).await?;
            none_rings(scene, 5).await?;
            anyhow::ensure!(scene.rings(&nameless) == 1, "the nameless phone rang {} times", scene.rings(&nameless));
            // Its agent is free for the next caller, and for nobody before.
            scene.dial(OMAR).await?;
            scene.wait_for("the phone rings for the next", 12, |scene| scene.is_ringing(&nameless)).await?;
            hang_up(scene, OMAR).await?;
            hang_up(scene, JANE).await?;
            watch(scene, 20).await
        })
        .await;
}

/// A replica takes a ring, makes the request and dies; what it knew is gone, and its lease runs out.
#[actix_web::test]
async fn a_phone_that_a_dead_replica_rang_stops_once_another_agent_has_claimed() {
    Setting::sqlite()
        .switches(&json!({ "callbacks": { "drop": 1.0 } }))
        .play(async |scene| {
            let dialled = PhoneAction::Dial { to: ACME.to_owned() };
            scene.exchange.twilio.act(JANE, dialled).await.map_err(anyhow::Error::msg)?;
            scene.exchange.twilio.settle().await;
            let (store, now) = (std::sync::Arc::clone(&scene.exchange.app()?.store), scene.exchange.now());
            let lease = TimeDelta::seconds(30);
            let leased = store.lease_effects(Neighbour::Carrier, now, lease, 16).await?;
            let phone_of = async |leased: &Leased| -> anyhow::Result<Option<String>> {
                let Effect::RingAgent { leg } = leased.effect else { return Ok(None) };
                let call = store.find_call(leased.call).await?.context("the call is there")?;
                Ok(call.find_leg(leg).map(|leg| leg.phone.as_e164().to_owned()))
            };
            for leased in &leased {
                if phone_of(leased).await?.as_deref() == Some(SAM) {
                    ring_as_replica(scene, SAM).await?;
                } else {
                    let again = Settled::Again { at: now, why: String::new(), counts: true };
                    store.settle_effect(leased.id, leased.lease, again, now).await?;
                }
            }
            all_ring(scene).await?;
            accept(scene, PRIYA, JANE).await?;
            scene.wait_for("Sam's phone stops", 32, |scene| !scene.is_ringing(SAM)).await?;
            anyhow::ensure!(dialled_once(scene), "a phone was rung twice");
            hang_up(scene, JANE).await?;
            watch(scene, 20).await
        })
        .await;
}

/// Asks the carrier for a leg that rings long, as a replica does that dies over it.
async fn ring_as_replica(scene: &Scene, phone: &str) -> anyhow::Result<()> {
    let twilio = &scene.exchange.twilio;
    let account = twilio.account_sid();
    let answer = format!("http://{}/twilio/voice", scene.exchange.address);
    reqwest::Client::new()
        .post(format!("{}/2010-04-01/Accounts/{account}/Calls.json", twilio.base_url()))
        .basic_auth(&account, Some(twilio.auth_token()))
        .form(&[("To", phone), ("From", ACME), ("Url", &answer), ("Timeout", "90")])
        .send()
        .await?
        .error_for_status()?;
    Ok(())
}

fn dialled_once(scene: &Scene) -> bool {
    AGENTS.iter().all(|agent| dialled(scene, agent) == 1)
}

#[actix_web::test]
async fn a_leg_whose_creation_had_no_answer_and_no_callback_frees_its_phone_within_90_s() {
    Setting::sqlite()
        .play(async |scene| {
            turn(scene, &json!({ "created_reply_lost_once": true, "callbacks": { "drop": 1.0 } }));
            scene.dial(JANE).await?;
            all_ring(scene).await?;
            let rang = scene.exchange.now();
            hang_up(scene, JANE).await?;
            scene.wait(60.0).await?;
            turn(scene, &json!({ "callbacks": { "drop": 0.0 } }));
            scene.dial(OMAR).await?;
            scene
                .wait_for("every phone rings again", 45, |scene| AGENTS.iter().all(|agent| dialled(scene, agent) == 2))
                .await
                .ok();
            let took = (scene.exchange.now() - rang).num_seconds();
            let again: Vec<usize> = AGENTS.iter().map(|agent| dialled(scene, agent)).collect();
            anyhow::ensure!(again.iter().all(|count| *count == 2), "after {took} s the phones rang {again:?} times");
            hang_up(scene, OMAR).await.ok();
            scene.wait(30.0).await
        })
        .await;
}

#[actix_web::test]
async fn an_account_that_carries_two_calls_more_rings_two_phones() {
    Setting::sqlite()
        .allows_violations()
        .switches(&json!({ "concurrency_limit": 3 }))
        .play(async |scene| {
            scene.dial(JANE).await?;
            let ringing = |scene: &Scene| AGENTS.iter().filter(|agent| scene.is_ringing(agent)).count();
            scene.wait_for("two phones ring", 8, |scene| ringing(scene) == 2).await?;
            let one = AGENTS.iter().find(|agent| scene.is_ringing(agent)).unwrap();
            accept(scene, one, JANE).await?;
            hang_up(scene, JANE).await?;
            watch(scene, 10).await
        })
        .await;
}

#[actix_web::test]
async fn rest_is_down_when_the_call_arrives_and_the_document_dials() {
    {
        for reading in ["accept", "answer"] {
            Setting::sqlite()
                .switches(&json!({ "rest": "429" }))
                .dial_stops_at(reading)
                .play(async |scene| {
                    scene.dial(JANE).await?;
                    scene.wait_for("Priya's phone rings", 15, |scene| scene.is_ringing(PRIYA)).await?;
                    scene.answer(PRIYA).await?;
                    scene.press(PRIYA, "1").await?;
                    super::stage::meet(scene, PRIYA, JANE).await?;
                    anyhow::ensure!(AGENTS.iter().all(|agent| dialled(scene, agent) <= 1), "a phone was rung twice");
                    scene.wait(10.0).await?;
                    anyhow::ensure!(scene.talk(PRIYA, JANE), "they were torn apart");
                    hang_up(scene, JANE).await?;
                    scene.wait(5.0).await?;
                    turn(scene, &json!({ "rest": "ok" }));
                    scene.wait(100.0).await?;
                    anyhow::ensure!(
                        scene.assignee(JANE).as_deref() == Some("Priya Nair"),
                        "the owner is {:?}",
                        scene.assignee(JANE)
                    );
                    Ok(())
                })
                .await;
        }
    }
}

/// A request that failed may have rung a phone, so the first caller's phones are nobody's until that is surely over.
#[actix_web::test]
async fn rest_fails_for_long_and_later_callers_are_dialled_for() {
    for rest in ["500", "down"] {
        Setting::sqlite()
            .switches(&json!({ "rest": rest }))
            .play(async |scene| {
                scene.dial(JANE).await?;
                reach_recorder(scene, JANE, 45).await?;
                hang_up(scene, JANE).await?;
                scene.wait(40.0).await?;
                for caller in [OMAR, RUTH] {
                    scene.dial(caller).await?;
                    scene.wait_for("Sam's phone rings", 12, |scene| scene.is_ringing(SAM)).await?;
                    accept(scene, SAM, caller).await?;
                    scene.wait(6.0).await?;
                    hang_up(scene, caller).await?;
                    scene.wait(20.0).await?;
                }
                turn(scene, &json!({ "rest": "ok" }));
                scene.wait(60.0).await?;
                anyhow::ensure!(
                    scene.assignee(RUTH).as_deref() == Some("Sam Carter"),
                    "the owner is {:?}",
                    scene.assignee(RUTH)
                );
                Ok(())
            })
            .await;
    }
}

/// As with a key that was revoked. What needs no request goes on.
#[actix_web::test]
async fn a_carrier_that_refuses_us_is_dialled_by_document_and_no_phone_counts_as_bad() {
    Setting::sqlite()
        .switches(&json!({ "rest": "401" }))
        .play(async |scene| {
            scene.dial(JANE).await?;
            scene.wait_for("Priya's phone rings", 20, |scene| scene.is_ringing(PRIYA)).await?;
            accept(scene, PRIYA, JANE).await?;
            scene.wait(6.0).await?;
            hang_up(scene, JANE).await?;
            scene.wait(20.0).await?;
            scene.dial(OMAR).await?;
            scene.wait_for("Sam's phone rings", 12, |scene| scene.is_ringing(SAM)).await?;
            hang_up(scene, OMAR).await?;
            scene.wait(20.0).await?;
            turn(scene, &json!({ "rest": "ok" }));
            scene.wait(60.0).await?;
            scene.dial(RUTH).await?;
            all_ring(scene).await?;
            accept(scene, SAM, RUTH).await?;
            hang_up(scene, RUTH).await?;
            scene.wait(10.0).await
        })
        .await;
}

#[actix_web::test]
async fn rest_fails_while_phones_ring_and_the_call_is_answered_all_the_same() {
    for rest in ["429", "500", "down"] {
        Setting::sqlite()
            .play(async |scene| {
                scene.dial(JANE).await?;
                all_ring(scene).await?;
                turn(scene, &json!({ "rest": rest }));
                scene.wait(3.0).await?;
                accept(scene, PRIYA, JANE).await?;
                scene.wait(3.0).await?;
                turn(scene, &json!({ "rest": "ok" }));
                none_rings(scene, 35).await?;
                hang_up(scene, JANE).await?;
                watch(scene, 10).await
            })
            .await;
    }
}

#[actix_web::test]
async fn rest_is_down_and_nobody_answers_and_the_message_is_fetched_later() {
    Setting::sqlite()
        .switches(&json!({ "rest": "down" }))
        .play(async |scene| {
            scene.dial(JANE).await?;
            reach_recorder(scene, JANE, 60).await?;
            leave_message(scene, JANE, "Please call me.").await?;
            turn(scene, &json!({ "rest": "ok" }));
            scene.wait(700.0).await?;
            anyhow::ensure!(scene.voicemails(JANE) == 1, "{} voicemails", scene.voicemails(JANE));
            Ok(())
        })
        .await;
}

#[actix_web::test]
async fn at_one_call_a_second_five_phones_ring_within_eight_seconds() {
    Setting::sqlite()
        .calls_per_second(1, 1)
        .method(RingMethod::Legs)
        .play(async |scene| {
            scene.dial(JANE).await?;
            scene.wait_for("every phone rings", 9, |scene| AGENTS.iter().all(|agent| scene.is_ringing(agent))).await?;
            accept(scene, TOM, JANE).await?;
            none_rings(scene, 2).await?;
            hang_up(scene, JANE).await?;
            scene.wait(5.0).await
        })
        .await;
}

#[actix_web::test]
async fn legs_beyond_the_cap_are_not_rung() {
    Setting::sqlite()
        .play(async |scene| {
            scene.exchange.settings.limits.legs_live_max = 2;
            scene.exchange.restart_service().await?;
            scene.dial(JANE).await?;
            scene.wait(6.0).await?;
            let ringing = AGENTS.iter().filter(|agent| scene.is_ringing(agent)).count();
            anyhow::ensure!(ringing == 2, "{ringing} phones ring");
            // The cap is the account's: a second caller is told at once that nobody is free.
            scene.dial(OMAR).await?;
            reach_recorder(scene, OMAR, 60).await?;
            leave_message(scene, OMAR, "Busy, are you?").await?;
            hang_up(scene, JANE).await.ok();
            scene.wait(30.0).await
        })
        .await;
}

#[actix_web::test]
async fn legs_beyond_the_cap_of_a_minute_are_not_rung() {
    Setting::sqlite()
        .play(async |scene| {
            scene.exchange.settings.limits.legs_per_minute_max = 7;
            scene.exchange.restart_service().await?;
            scene.dial(JANE).await?;
            all_ring(scene).await?;
            hang_up(scene, JANE).await?;
            scene.wait(5.0).await?;
            scene.dial(OMAR).await?;
            scene.wait(6.0).await?;
            let ringing = AGENTS.iter().filter(|agent| scene.is_ringing(agent)).count();
            anyhow::ensure!(ringing == 2, "{ringing} phones ring for the second caller");
            hang_up(scene, OMAR).await?;
            scene.wait(5.0).await
        })
        .await;
}

#[actix_web::test]
async fn a_phone_outside_the_allowed_regions_is_never_dialled() {
    Setting::sqlite()
        .routing("phone = \"+15550100013\"", "phone = \"+33612345678\"")
        .play(async |scene| {
            scene.dial(JANE).await?;
            scene.wait_for("Sam's phone rings", 8, |scene| scene.is_ringing(SAM)).await?;
            scene.wait(5.0).await?;
            let asked = scene.exchange.twilio.log().iter().any(|entry| entry.phone == "+33612345678");
            anyhow::ensure!(!asked && scene.rings(LUIS) == 0, "a destination was dialled that is not allowed");
            ring_then_accept(scene, PRIYA, JANE, 5).await
        })
        .await;
}

/// One call after another under callbacks that are lost, repeated, late and out of order; nobody suffers.
async fn under_mischief(callbacks: serde_json::Value) {
    Setting::sqlite()
        .switches(&json!({ "callbacks": callbacks }))
        .play(async |scene| {
            scene.dial(JANE).await?;
            all_ring(scene).await?;
            accept(scene, PRIYA, JANE).await?;
            none_rings(scene, 3).await?;
            watch(scene, 15).await?;
            anyhow::ensure!(scene.talk(PRIYA, JANE), "they were torn apart");
            hang_up(scene, JANE).await?;
            watch(scene, 20).await?;
            scene.dial(OMAR).await?;
            scene.wait_for("a phone rings", 15, |scene| AGENTS.iter().any(|agent| scene.is_ringing(agent))).await?;
            scene.wait(4.0).await?;
            hang_up(scene, OMAR).await?;
            none_rings(scene, 5).await?;
            scene.dial(RUTH).await?;
            reach_recorder(scene, RUTH, 60).await?;
            leave_message(scene, RUTH, "Please call me.").await?;
            scene.wait(200.0).await?;
            anyhow::ensure!(
                scene.assignee(JANE).as_deref() == Some("Priya Nair"),
                "the owner is {:?}",
                scene.assignee(JANE)
            );
            anyhow::ensure!(scene.voicemails(RUTH) == 1, "{} voicemails", scene.voicemails(RUTH));
            Ok(())
        })
        .await;
}

#[actix_web::test]
async fn callbacks_are_all_lost() {
    under_mischief(json!({ "drop": 1.0 })).await;
}

#[actix_web::test]
async fn callbacks_are_half_lost() {
    under_mischief(json!({ "drop": 0.5 })).await;
}

#[actix_web::test]
async fn callbacks_come_twice() {
    under_mischief(json!({ "repeat": 1.0 })).await;
}

#[actix_web::test]
async fn callbacks_come_late() {
    under_mischief(json!({ "delay_ms": 4000 })).await;
}

#[actix_web::test]
async fn callbacks_come_in_another_order() {
    under_mischief(json!({ "reorder": 0.7, "repeat": 0.5 })).await;
}
