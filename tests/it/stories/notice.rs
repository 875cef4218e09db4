//! The recording notice: every caller who may be recorded hears it to its end before a phone rings.

use offhook::rules::RingMethod;
use offhook::sandbox::stories::{AGENTS, Scene};

use super::paths::{MENU, choose, has_ended, heard_before_any_ring, nobody_was_rung, times_heard};
use super::stage::{BOTH, JANE, PRIYA, Setting, accept, all_ring, hang_up, reach_recorder};
use super::supervised::events;

const NOTICE: &str = "This call is recorded so that we get your move right.";

fn recording() -> String {
    format!("[brand.recording]\nnotice = \"{NOTICE}\"\nretention_days = 30")
}

#[actix_web::test]
async fn the_notice_is_heard_to_its_end_before_a_phone_rings() {
    for (setting, method) in [
        (Setting::sqlite(), RingMethod::Legs),
        (Setting::postgres(), RingMethod::Legs),
        (Setting::sqlite(), RingMethod::Dial),
    ] {
        setting
            .method(method)
            .tables(&recording())
            .play(async |scene| {
                scene.dial(JANE).await?;
                scene.wait_for("the notice", 3, |scene| scene.heard(JANE, NOTICE)).await?;
                nobody_was_rung(scene)?;
                // Under `dial` the greeting comes before the ring as well.
                let all = |scene: &Scene| AGENTS.iter().all(|agent| scene.is_ringing(agent));
                scene.wait_for("every phone rings", 10, all).await?;
                anyhow::ensure!(heard_before_any_ring(scene, JANE, NOTICE), "a phone rang before the notice");
                anyhow::ensure!(events(scene, "notice_ended").await?.len() == 1, "the end of the notice is not kept");
                accept(scene, PRIYA, JANE).await?;
                anyhow::ensure!(times_heard(scene, JANE, NOTICE) == 1, "the notice was said twice");
                anyhow::ensure!(!scene.heard(PRIYA, NOTICE), "the agent heard the notice");
                hang_up(scene, JANE).await?;
                scene.wait(10.0).await
            })
            .await;
    }
}

#[actix_web::test]
async fn a_notice_cut_by_a_key_is_said_again_to_its_end() {
    for method in BOTH {
        Setting::sqlite()
            .method(method)
            .tables(&recording())
            .play(async |scene| {
                scene.dial(JANE).await?;
                scene.wait(0.5).await?;
                scene.press(JANE, "5").await?;
                scene.wait_for("the notice again", 3, |scene| times_heard(scene, JANE, NOTICE) == 2).await?;
                // Nobody listens to keys now.
                scene.press(JANE, "5").await?;
                nobody_was_rung(scene)?;
                all_ring(scene).await?;
                anyhow::ensure!(times_heard(scene, JANE, NOTICE) == 2, "the notice has no end");
                hang_up(scene, JANE).await?;
                scene.wait(10.0).await
            })
            .await;
    }
}

#[actix_web::test]
async fn the_notice_follows_the_menu_and_a_closed_brands_callers_hear_none() {
    for method in BOTH {
        Setting::sqlite()
            .method(method)
            .tables(&format!("{}{MENU}", recording()))
            .play(async |scene| {
                scene.dial(JANE).await?;
                scene.wait_for("the menu", 8, |scene| scene.heard(JANE, "For a quote press 1")).await?;
                anyhow::ensure!(!scene.heard(JANE, NOTICE), "the notice came before the menu");
                choose(scene, JANE, "1").await?;
                scene.wait_for("the notice", 3, |scene| scene.heard(JANE, NOTICE)).await?;
                nobody_was_rung(scene)?;
                scene.wait_for("Priya's phone rings", 10, |scene| scene.is_ringing(PRIYA)).await?;
                hang_up(scene, JANE).await?;
                scene.wait(10.0).await
            })
            .await;
        Setting::sqlite()
            .method(method)
            .tables(&recording())
            .routing("tue = [\"08:00-18:00\"]", "tue = [\"14:00-18:00\"]")
            .play(async |scene| {
                scene.dial(JANE).await?;
                reach_recorder(scene, JANE, 15).await?;
                anyhow::ensure!(!scene.heard(JANE, NOTICE), "the tone is the notice of a voicemail");
                hang_up(scene, JANE).await?;
                scene.wait(150.0).await
            })
            .await;
    }
}

#[actix_web::test]
async fn a_caller_who_hangs_up_on_hearing_the_notice_rang_nobody() {
    for method in BOTH {
        Setting::sqlite()
            .method(method)
            .tables(&recording())
            .play(async |scene| {
                scene.dial(JANE).await?;
                scene.wait(1.0).await?;
                hang_up(scene, JANE).await?;
                scene.wait(20.0).await?;
                nobody_was_rung(scene)?;
                anyhow::ensure!(events(scene, "notice_ended").await?.is_empty(), "the notice counts as heard");
                has_ended(scene, "abandoned").await
            })
            .await;
    }
}
