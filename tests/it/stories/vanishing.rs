//! Every way in which caller or agent can vanish between the press and the talk. Nobody is left alone.

use offhook::rules::RingMethod;
use offhook::sandbox::stories::{AGENTS, Scene};
use offhook::sandbox::twilio::PhoneAction;
use serde_json::json;

use super::stage::{JANE, PRIYA, SAM, Setting, accept, all_ring, hang_up, inbox_says, meet, none_rings, turn, watch};

/// Sam has picked up, listens to the prompt, and everybody else's phone rings.
async fn sam_listens(scene: &Scene) -> anyhow::Result<()> {
    scene.dial(JANE).await?;
    all_ring(scene).await?;
    scene.answer(SAM).await
}

/// Presses without letting the service act on it yet: the claim stands, the caller has not been fetched.
async fn press_unfetched(scene: &Scene, agent: &str) {
    scene.exchange.twilio.act(agent, PhoneAction::Keys("1".to_owned())).await.unwrap();
}

/// Hangs up without letting the service act on it yet.
async fn vanish(scene: &Scene, phone: &str) {
    scene.exchange.twilio.act(phone, PhoneAction::HangUp).await.unwrap();
}

/// Nobody rings, nobody is on a line, and the inbox shows that nobody took the call.
async fn all_is_quiet(scene: &Scene) -> anyhow::Result<()> {
    watch(scene, 30).await?;
    anyhow::ensure!(!AGENTS.iter().any(|agent| scene.is_ringing(agent)), "a phone rings for nobody");
    anyhow::ensure!(scene.exchange.twilio.live_calls().is_empty(), "lines are open");
    anyhow::ensure!(inbox_says(scene, JANE, "Missed call"), "the inbox does not show the missed call");
    anyhow::ensure!(scene.assignee(JANE).is_none(), "somebody owns a call that nobody took");
    Ok(())
}

/// The caller waits on, and somebody else takes the call.
async fn another_takes_it(scene: &Scene) -> anyhow::Result<()> {
    scene.wait_for("Priya's phone rings", 15, |scene| scene.is_ringing(PRIYA)).await?;
    accept(scene, PRIYA, JANE).await?;
    watch(scene, 10).await?;
    anyhow::ensure!(scene.talk(PRIYA, JANE), "they were torn apart");
    hang_up(scene, JANE).await?;
    watch(scene, 10).await?;
    anyhow::ensure!(
        scene.assignee(JANE).as_deref() == Some("Priya Nair"),
        "the conversation is {:?}'s",
        scene.assignee(JANE)
    );
    Ok(())
}

#[actix_web::test]
async fn caller_hangs_up_after_the_press_before_the_join() {
    Setting::sqlite()
        .play(async |scene| {
            sam_listens(scene).await?;
            press_unfetched(scene, SAM).await;
            vanish(scene, JANE).await;
            scene.wait_for("Sam is told", 5, |scene| scene.heard(SAM, "The caller has hung up")).await?;
            none_rings(scene, 2).await?;
            all_is_quiet(scene).await
        })
        .await;
}

#[actix_web::test]
async fn caller_hangs_up_in_the_instant_of_the_press() {
    Setting::sqlite()
        .play(async |scene| {
            sam_listens(scene).await?;
            let press = (SAM.to_owned(), PhoneAction::Keys("1".to_owned()));
            let both = vec![press, (JANE.to_owned(), PhoneAction::HangUp)];
            scene.exchange.twilio.act_together(both).await.map_err(anyhow::Error::msg)?;
            scene.wait_for("Sam is told", 5, |scene| scene.heard(SAM, "The caller has hung up")).await?;
            all_is_quiet(scene).await
        })
        .await;
}

#[actix_web::test]
async fn caller_hangs_up_while_an_agent_listens_to_the_prompt() {
    Setting::sqlite()
        .play(async |scene| {
            sam_listens(scene).await?;
            hang_up(scene, JANE).await?;
            none_rings(scene, 2).await?;
            scene.press(SAM, "1").await?;
            scene.wait_for("Sam is told", 3, |scene| scene.heard(SAM, "The caller has hung up")).await?;
            all_is_quiet(scene).await
        })
        .await;
}

#[actix_web::test]
async fn agent_hangs_up_after_the_press_before_the_join() {
    Setting::sqlite()
        .play(async |scene| {
            sam_listens(scene).await?;
            press_unfetched(scene, SAM).await;
            vanish(scene, SAM).await;
            another_takes_it(scene).await
        })
        .await;
}

#[actix_web::test]
async fn agent_hangs_up_while_the_caller_is_being_fetched() {
    Setting::sqlite()
        .play(async |scene| {
            sam_listens(scene).await?;
            press_unfetched(scene, SAM).await;
            // The request that fetches the caller is out; its document is asked for only after Sam has gone.
            scene.exchange.app()?.tick().await?;
            vanish(scene, SAM).await;
            scene.exchange.settle().await?;
            another_takes_it(scene).await
        })
        .await;
}

#[actix_web::test]
async fn both_hang_up_after_the_press() {
    Setting::sqlite()
        .play(async |scene| {
            sam_listens(scene).await?;
            press_unfetched(scene, SAM).await;
            let both = vec![(JANE.to_owned(), PhoneAction::HangUp), (SAM.to_owned(), PhoneAction::HangUp)];
            scene.exchange.twilio.act_together(both).await.map_err(anyhow::Error::msg)?;
            all_is_quiet(scene).await
        })
        .await;
}

#[actix_web::test]
async fn caller_comes_by_leave_when_rest_is_down_at_the_claim() {
    for rest in ["down", "500", "429"] {
        Setting::sqlite()
            .play(async |scene| {
                sam_listens(scene).await?;
                turn(scene, &json!({ "rest": rest }));
                scene.press(SAM, "1").await?;
                meet(scene, SAM, JANE).await?;
                turn(scene, &json!({ "rest": "ok" }));
                none_rings(scene, 5).await?;
                hang_up(scene, JANE).await?;
                watch(scene, 10).await?;
                anyhow::ensure!(
                    scene.assignee(JANE).as_deref() == Some("Sam Carter"),
                    "the owner is {:?}",
                    scene.assignee(JANE)
                );
                Ok(())
            })
            .await;
    }
}

#[actix_web::test]
async fn agent_hangs_up_after_the_press_while_rest_is_down() {
    Setting::sqlite()
        .play(async |scene| {
            sam_listens(scene).await?;
            turn(scene, &json!({ "rest": "down" }));
            press_unfetched(scene, SAM).await;
            vanish(scene, SAM).await;
            scene.exchange.settle().await?;
            scene.wait(3.0).await?;
            turn(scene, &json!({ "rest": "ok" }));
            another_takes_it(scene).await
        })
        .await;
}

#[actix_web::test]
async fn caller_hangs_up_after_the_press_while_rest_is_down() {
    Setting::sqlite()
        .play(async |scene| {
            sam_listens(scene).await?;
            turn(scene, &json!({ "rest": "down" }));
            press_unfetched(scene, SAM).await;
            vanish(scene, JANE).await;
            scene.exchange.settle().await?;
            scene.wait(4.0).await?;
            turn(scene, &json!({ "rest": "ok" }));
            scene.wait_for("Sam is told", 12, |scene| scene.heard(SAM, "The caller has hung up")).await?;
            all_is_quiet(scene).await
        })
        .await;
}

#[actix_web::test]
async fn agent_alone_hears_that_the_caller_has_gone_though_rest_stays_down() {
    Setting::sqlite()
        .play(async |scene| {
            sam_listens(scene).await?;
            turn(scene, &json!({ "rest": "down" }));
            press_unfetched(scene, SAM).await;
            vanish(scene, JANE).await;
            scene.exchange.settle().await?;
            scene.wait_for("Sam is told", 15, |scene| scene.heard(SAM, "The caller has hung up")).await?;
            hang_up(scene, SAM).await?;
            turn(scene, &json!({ "rest": "ok" }));
            scene.wait(150.0).await
        })
        .await;
}

#[actix_web::test]
async fn second_agent_wins_after_the_first_vanishes_twice() {
    Setting::sqlite()
        .play(async |scene| {
            sam_listens(scene).await?;
            press_unfetched(scene, SAM).await;
            vanish(scene, SAM).await;
            scene.exchange.settle().await?;
            let luis = AGENTS[2];
            scene.wait_for("Luis's phone rings", 15, |scene| scene.is_ringing(luis)).await?;
            scene.answer(luis).await?;
            press_unfetched(scene, luis).await;
            vanish(scene, luis).await;
            another_takes_it(scene).await
        })
        .await;
}

#[actix_web::test]
async fn by_dial_the_agent_vanishes_as_the_key_is_pressed() {
    for reading in ["accept", "answer"] {
        Setting::sqlite()
            .method(RingMethod::Dial)
            .dial_stops_at(reading)
            .play(async |scene| {
                sam_listens(scene).await?;
                press_unfetched(scene, SAM).await;
                vanish(scene, SAM).await;
                scene.exchange.settle().await?;
                watch(scene, 20).await?;
                hang_up(scene, JANE).await.ok();
                watch(scene, 10).await?;
                none_rings(scene, 2).await
            })
            .await;
    }
}

#[actix_web::test]
async fn by_dial_the_caller_vanishes_while_an_agent_listens() {
    for reading in ["accept", "answer"] {
        Setting::sqlite()
            .method(RingMethod::Dial)
            .dial_stops_at(reading)
            .play(async |scene| {
                sam_listens(scene).await?;
                hang_up(scene, JANE).await?;
                none_rings(scene, 2).await?;
                all_is_quiet(scene).await
            })
            .await;
    }
}
