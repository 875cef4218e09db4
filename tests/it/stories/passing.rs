//! Reasons that pass: the caller waits for a phone that will be free, is offered it, and every agent is told why not before.

use offhook::rules::RingMethod;
use offhook::sandbox::stories::Scene;

use super::paths::{has_ended, is_told};
use super::stage::{
    BOTH, JANE, LUIS, MEI, OMAR, PRIYA, RUTH, SAM, Setting, TOM, accept, accept_and_talk, hang_up, is_recorded,
    leave_message, reach_recorder,
};

async fn rings(scene: &Scene, phone: &str, within_s: u32) -> anyhow::Result<()> {
    scene.wait_for("the phone rings", within_s, |scene| scene.is_ringing(phone)).await
}

#[actix_web::test]
async fn everybody_is_on_a_call_and_the_caller_waits_for_the_first_who_is_free() {
    for setting in [Setting::sqlite(), Setting::postgres(), Setting::sqlite().method(RingMethod::Dial)] {
        setting
            .roster(&["sam"])
            .fields("after_no_answer_s = 5")
            .play(async |scene| {
                scene.dial(JANE).await?;
                rings(scene, SAM, 8).await?;
                accept_and_talk(scene, SAM, JANE).await?;
                scene.dial(OMAR).await?;
                scene.wait(6.0).await?;
                anyhow::ensure!(!is_recorded(scene, OMAR) && scene.rings(SAM) == 1, "Omar is not waiting");
                is_told(scene, "sam", "on a call").await?;
                hang_up(scene, JANE).await?;
                scene.wait(10.0).await?;
                anyhow::ensure!(scene.rings(SAM) == 1, "Sam has no rest");
                // By a simultaneous dial only once the caller asks again what to hear.
                rings(scene, SAM, 16).await?;
                accept(scene, SAM, OMAR).await?;
                scene.wait(5.0).await?;
                hang_up(scene, OMAR).await?;
                scene.wait(10.0).await?;
                has_ended(scene, "answered").await?;
                is_told(scene, "sam", "they pressed 1 and took the call").await
            })
            .await;
    }
}

#[actix_web::test]
async fn where_callers_do_not_wait_for_those_on_a_call_the_fallback_comes_at_once() {
    for method in BOTH {
        Setting::sqlite()
            .method(method)
            .roster(&["sam"])
            .fields("wait_for_on_call = false")
            .play(async |scene| {
                scene.dial(JANE).await?;
                rings(scene, SAM, 8).await?;
                accept_and_talk(scene, SAM, JANE).await?;
                scene.dial(OMAR).await?;
                reach_recorder(scene, OMAR, 8).await?;
                is_told(scene, "sam", "on a call").await?;
                anyhow::ensure!(scene.rings(SAM) == 1, "a phone in a call was rung");
                leave_message(scene, OMAR, "It is Omar.").await?;
                has_ended(scene, "voicemail").await?;
                hang_up(scene, JANE).await?;
                scene.wait(10.0).await
            })
            .await;
    }
}

#[actix_web::test]
async fn everybody_talks_too_long_and_the_wait_has_an_end() {
    for method in BOTH {
        Setting::sqlite()
            .method(method)
            .roster(&["sam"])
            .play(async |scene| {
                scene.dial(JANE).await?;
                rings(scene, SAM, 8).await?;
                accept(scene, SAM, JANE).await?;
                scene.wait(3.0).await?;
                scene.dial(OMAR).await?;
                let began = scene.exchange.now();
                reach_recorder(scene, OMAR, 60).await?;
                let took = (scene.exchange.now() - began).num_seconds();
                anyhow::ensure!((20..=25 + 8 + 8).contains(&took), "the recorder was reached after {took} s");
                leave_message(scene, OMAR, "It is Omar.").await?;
                has_ended(scene, "voicemail").await?;
                anyhow::ensure!(scene.rings(SAM) == 1 && scene.talk(SAM, JANE), "Jane was disturbed");
                hang_up(scene, JANE).await?;
                scene.wait(10.0).await
            })
            .await;
    }
}

#[actix_web::test]
async fn who_rests_after_a_call_is_waited_for_and_rung_when_rested() {
    for method in BOTH {
        Setting::sqlite()
            .method(method)
            .roster(&["sam"])
            .play(async |scene| {
                scene.dial(JANE).await?;
                rings(scene, SAM, 8).await?;
                accept(scene, SAM, JANE).await?;
                scene.wait(5.0).await?;
                hang_up(scene, JANE).await?;
                scene.wait(3.0).await?;
                scene.dial(OMAR).await?;
                scene.wait(5.0).await?;
                is_told(scene, "sam", "resting until 11:00:").await?;
                anyhow::ensure!(scene.rings(SAM) == 1, "Sam has no rest");
                // By a simultaneous dial only once the caller asks again what to hear.
                rings(scene, SAM, 16).await?;
                accept(scene, SAM, OMAR).await?;
                scene.wait(5.0).await?;
                hang_up(scene, OMAR).await?;
                scene.wait(10.0).await?;
                has_ended(scene, "answered").await
            })
            .await;
    }
}

#[actix_web::test]
async fn a_phone_that_rings_for_another_is_waited_for() {
    for method in BOTH {
        Setting::sqlite()
            .method(method)
            .roster(&["sam", "priya"])
            .play(async |scene| {
                scene.dial(JANE).await?;
                scene.wait_for("both ring", 8, |scene| scene.is_ringing(SAM) && scene.is_ringing(PRIYA)).await?;
                scene.dial(OMAR).await?;
                scene.wait(2.0).await?;
                for agent in ["sam", "priya"] {
                    is_told(scene, agent, "the phone was held by another ring").await?;
                }
                accept(scene, PRIYA, JANE).await?;
                rings(scene, SAM, 10).await?;
                accept(scene, SAM, OMAR).await?;
                hang_up(scene, JANE).await?;
                scene.wait(5.0).await?;
                hang_up(scene, OMAR).await?;
                scene.wait(10.0).await?;
                has_ended(scene, "answered").await
            })
            .await;
    }
}

#[actix_web::test]
async fn one_phone_at_a_time_the_others_wait_for_their_wave() {
    Setting::sqlite()
        .fields("ring_width = 1\nwave_interval_s = 10")
        .play(async |scene| {
            scene.dial(JANE).await?;
            let ringing = |scene: &Scene| {
                [LUIS, MEI, PRIYA, SAM, TOM].into_iter().filter(|phone| scene.is_ringing(phone)).count()
            };
            scene.wait_for("a phone rings", 8, |scene| ringing(scene) == 1).await?;
            anyhow::ensure!(scene.is_ringing(LUIS), "nobody was offered a call before, so ids decide");
            scene.wait(5.0).await?;
            anyhow::ensure!(ringing(scene) == 1, "{} phones ring", ringing(scene));
            for agent in ["mei", "priya", "sam", "tom"] {
                is_told(scene, agent, "was eligible and waited, number").await?;
                is_told(scene, agent, "1 phone might ring at once by then").await?;
            }
            scene.wait_for("the second wave", 8, |scene| ringing(scene) == 2).await?;
            anyhow::ensure!(scene.is_ringing(MEI), "not the next in line");
            accept(scene, MEI, JANE).await?;
            scene.wait(5.0).await?;
            hang_up(scene, JANE).await?;
            scene.wait(10.0).await?;
            is_told(scene, "luis", "another agent was first").await?;
            is_told(scene, "tom", "was eligible and waited").await?;
            anyhow::ensure!([PRIYA, SAM, TOM].iter().all(|phone| scene.rings(phone) == 0), "a later wave rang");
            // The round goes on with those who were not asked.
            scene.wait(20.0).await?;
            scene.dial(RUTH).await?;
            rings(scene, PRIYA, 8).await?;
            hang_up(scene, RUTH).await?;
            scene.wait(10.0).await
        })
        .await;
}
