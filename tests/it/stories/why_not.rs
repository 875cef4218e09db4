//! Why a phone did not ring, for the reasons that pass, and endings by both ways of ringing.

use offhook::rules::RingMethod;
use offhook::sandbox::stories::AGENTS;
use offhook::sandbox::twilio::PhoneAction;
use offhook::store::KnownContact;
use reqwest::Method;
use serde_json::json;

use super::paths::{has_ended, is_told, nobody_was_rung};
use super::stage::{
    ACME, BEN, BOTH, JANE, LUIS, OMAR, PRIYA, RUTH, SAM, Setting, accept_and_talk, all_ring, hang_up, none_rings,
    reach_recorder,
};
use super::supervised::{ask, events};

#[actix_web::test]
async fn whoever_talks_rests_or_rings_for_another_is_told_so() {
    for method in BOTH {
        Setting::sqlite()
            .method(method)
            .play(async |scene| {
                scene.dial(JANE).await?;
                all_ring(scene).await?;
                scene.dial(OMAR).await?;
                scene.wait(2.0).await?;
                for agent in ["sam", "luis"] {
                    is_told(scene, agent, "was not rung: the phone was held by another ring.").await?;
                }
                hang_up(scene, OMAR).await?;
                accept_and_talk(scene, PRIYA, JANE).await?;
                scene.dial(BEN).await?;
                scene.wait_for("Sam's phone rings", 10, |scene| scene.is_ringing(SAM)).await?;
                is_told(scene, "priya", "was not rung: on a call.").await?;
                hang_up(scene, BEN).await?;
                none_rings(scene, 8).await?;
                hang_up(scene, JANE).await?;
                scene.wait(5.0).await?;
                scene.dial(RUTH).await?;
                scene.wait_for("Sam's phone rings", 10, |scene| scene.is_ringing(SAM)).await?;
                is_told(scene, "priya", "was not rung: resting until 11:").await?;
                hang_up(scene, RUTH).await?;
                scene.wait(10.0).await
            })
            .await;
    }
}

#[actix_web::test]
async fn by_dial_an_agent_of_a_later_wave_is_told_that_they_waited() {
    Setting::sqlite()
        .method(RingMethod::Dial)
        .fields("ring_width = 2\nwave_interval_s = 8")
        .play(async |scene| {
            scene.dial(JANE).await?;
            let ringing = || AGENTS.iter().filter(|agent| scene.is_ringing(agent)).count();
            scene.wait_for("two phones ring", 8, |_| ringing() == 2).await?;
            let waits = ["sam", "priya", "luis", "mei", "tom"];
            let mut told = 0;
            for agent in waits {
                told += usize::from(super::paths::sentence(scene, agent).await?.contains("was eligible and waited"));
            }
            anyhow::ensure!(told == 3, "{told} agents are told that they waited");
            hang_up(scene, JANE).await?;
            scene.wait(10.0).await
        })
        .await;
}

#[actix_web::test]
async fn a_blocked_contacts_call_ends_as_blocked() {
    for method in BOTH {
        Setting::sqlite()
            .method(method)
            .play(async |scene| {
                let (phone, name) = (JANE.parse()?, Some("Jane Doe".to_owned()));
                let blocked = KnownContact { phone, name, blocked: true, contact_id: 501 };
                scene.exchange.app()?.store.note_contacts(&[blocked]).await?;
                scene.dial(JANE).await?;
                scene.wait(5.0).await?;
                nobody_was_rung(scene)?;
                has_ended(scene, "blocked").await
            })
            .await;
    }
}

#[actix_web::test]
async fn whoever_hangs_up_before_anybody_answers_has_abandoned_the_call() {
    for method in BOTH {
        Setting::sqlite()
            .method(method)
            .play(async |scene| {
                scene.act(JANE, PhoneAction::DialWithheld { to: ACME.to_owned() }).await?;
                all_ring(scene).await?;
                scene.answer(LUIS).await?;
                anyhow::ensure!(scene.heard(LUIS, "a withheld number"), "Luis is not told that the number is withheld");
                hang_up(scene, JANE).await?;
                none_rings(scene, 8).await?;
                scene.wait(15.0).await?;
                has_ended(scene, "abandoned").await
            })
            .await;
    }
}

#[actix_web::test]
async fn by_dial_floods_are_refused_as_by_legs() {
    Setting::sqlite()
        .method(RingMethod::Dial)
        .top("[floods]\ncalls_withheld = 1")
        .play(async |scene| {
            // The third call of a number, and the second of a withheld one.
            for _ in 0..2 {
                scene.dial(JANE).await?;
                all_ring(scene).await?;
                hang_up(scene, JANE).await?;
                scene.wait(8.0).await?;
            }
            scene.dial(JANE).await?;
            reach_recorder(scene, JANE, 10).await?;
            hang_up(scene, JANE).await?;
            scene.wait(5.0).await?;
            scene.act(OMAR, PhoneAction::DialWithheld { to: ACME.to_owned() }).await?;
            all_ring(scene).await?;
            hang_up(scene, OMAR).await?;
            scene.wait(8.0).await?;
            scene.act(OMAR, PhoneAction::DialWithheld { to: ACME.to_owned() }).await?;
            reach_recorder(scene, OMAR, 10).await?;
            anyhow::ensure!(events(scene, "flood_refused").await?[0]["by"] == "withheld", "by another limit");
            hang_up(scene, OMAR).await?;
            scene.wait(5.0).await?;
            // A declared flood asks strangers for a key.
            let body = json!({ "reason": "robots" });
            let (status, on) = ask(scene, Method::POST, "/brands/acme-movers/flood", Some(body)).await?;
            anyhow::ensure!(status == 201, "{on}");
            scene.dial(RUTH).await?;
            scene.wait_for("the challenge", 8, |scene| scene.heard(RUTH, "To go on, please press")).await?;
            reach_recorder(scene, RUTH, 40).await?;
            hang_up(scene, RUTH).await?;
            scene.wait(5.0).await
        })
        .await;
}
