//! Other numbers on a call's path: which are never rung, and that one handset has one call there, too.

use offhook::sandbox::stories::Scene;
use offhook::sandbox::twilio::PhoneAction;

use super::paths::{ELSEWHERE, has_ended, is_told, line_takes, nobody_was_rung, place_phone};
use super::stage::{
    BEN, JANE, MEI, OMAR, RUTH, Setting, TOM, accept, all_ring, hang_up, leave_message, reach_recorder,
};
use super::supervised::{OPERATOR, banners, place_operator};

const HARBOUR: &str = "+441632960002";

fn after_hours_at(number: &str) -> Setting {
    Setting::sqlite()
        .tables(&format!("[brand.after_hours]\npath = \"number\"\nnumber = \"{number}\""))
        .routing("tue = [\"08:00-18:00\"]", "tue = [\"14:00-18:00\"]")
}

fn fallback_to(number: &str) -> Setting {
    Setting::sqlite().tables(&format!("[brand.fallback]\npath = \"number\"\nnumber = \"{number}\"\nwords = \"{HOLD}\""))
}

/// Said to callers for whom the line rings.
const HOLD: &str = "Please hold, we connect you.";

/// The caller is greeted as by a brand without a line, and may leave a message.
async fn is_greeted_by_the_brand(scene: &Scene, caller: &str, within_s: u32) -> anyhow::Result<()> {
    reach_recorder(scene, caller, within_s).await?;
    let heard = scene.exchange.twilio.heard(caller);
    anyhow::ensure!(scene.heard(caller, "Nobody can take your call right now."), "the caller heard {heard:?}");
    anyhow::ensure!(!scene.heard(caller, HOLD), "the caller is to hold for the tone: {heard:?}");
    leave_message(scene, caller, "Hello?").await
}

#[actix_web::test]
async fn who_is_refused_as_a_flood_is_not_told_to_hold_for_a_line_that_does_not_ring() {
    fallback_to(ELSEWHERE)
        .play(async |scene| {
            place_phone(scene, ELSEWHERE);
            for _ in 0..2 {
                scene.dial(JANE).await?;
                all_ring(scene).await?;
                hang_up(scene, JANE).await?;
                scene.wait(5.0).await?;
            }
            scene.dial(JANE).await?;
            is_greeted_by_the_brand(scene, JANE, 15).await?;
            anyhow::ensure!(scene.rings(ELSEWHERE) == 0, "a flood was passed on");
            Ok(())
        })
        .await;
}

#[actix_web::test]
async fn when_the_account_carries_no_more_legs_nobody_is_told_to_hold_for_one() {
    fallback_to(ELSEWHERE)
        .legs_live_max(1)
        .play(async |scene| {
            place_phone(scene, ELSEWHERE);
            scene.dial(JANE).await?;
            scene.wait(5.0).await?;
            scene.dial(OMAR).await?;
            is_greeted_by_the_brand(scene, OMAR, 15).await?;
            anyhow::ensure!(scene.rings(ELSEWHERE) == 0, "the line rang beyond the cap");
            anyhow::ensure!(banners(scene).await?.contains(&"calls_capped".to_owned()), "no banner tells of it");
            hang_up(scene, JANE).await?;
            scene.wait(30.0).await
        })
        .await;
}

async fn dial_harbour(scene: &Scene, customer: &str) -> anyhow::Result<()> {
    scene.act(customer, PhoneAction::Dial { to: HARBOUR.to_owned() }).await
}

#[actix_web::test]
async fn a_number_that_may_not_be_dialled_is_as_one_that_nobody_takes() {
    // Abroad, beyond fraud's brake; and a number of ours, which would come back in.
    for number in ["+33199000011", HARBOUR] {
        after_hours_at(number)
            .play(async |scene| {
                if number != HARBOUR {
                    place_phone(scene, number);
                }
                scene.dial(JANE).await?;
                reach_recorder(scene, JANE, 20).await?;
                anyhow::ensure!(number == HARBOUR || scene.rings(number) == 0, "{number} was rung");
                leave_message(scene, JANE, "Hello?").await?;
                nobody_was_rung(scene)?;
                has_ended(scene, "voicemail").await
            })
            .await;
    }
}

#[actix_web::test]
async fn a_restart_while_the_other_number_rings_costs_nothing() {
    for setting in [Setting::sqlite(), Setting::postgres()] {
        setting
            .tables(&format!("[brand.after_hours]\npath = \"number\"\nnumber = \"{ELSEWHERE}\""))
            .routing("tue = [\"08:00-18:00\"]", "tue = [\"14:00-18:00\"]")
            .play(async |scene| {
                place_phone(scene, ELSEWHERE);
                scene.dial(JANE).await?;
                scene.wait_for("the other number rings", 12, |scene| scene.is_ringing(ELSEWHERE)).await?;
                scene.exchange.restart_service().await?;
                line_takes(scene, ELSEWHERE, JANE).await?;
                scene.exchange.restart_service().await?;
                scene.wait(30.0).await?;
                anyhow::ensure!(scene.talk(ELSEWHERE, JANE), "the conversation was cut off");
                hang_up(scene, ELSEWHERE).await?;
                scene.wait(10.0).await?;
                has_ended(scene, "redirected").await
            })
            .await;
    }
}

#[actix_web::test]
async fn an_operator_line_that_needs_no_key_takes_the_call_by_picking_up() {
    Setting::sqlite()
        .tables(&format!(
            "[brand.operator]\nnumber = \"{OPERATOR}\"\nconfirm = false\n\n[brand.after_hours]\npath = \"operator\""
        ))
        .routing("tue = [\"08:00-18:00\"]", "tue = [\"14:00-18:00\"]")
        .play(async |scene| {
            place_operator(scene);
            scene.dial(JANE).await?;
            scene.wait_for("the operator's phone rings", 12, |scene| scene.is_ringing(OPERATOR)).await?;
            scene.act(OPERATOR, PhoneAction::Answer).await?;
            scene.wait_for("they talk", 3, |scene| scene.talk(OPERATOR, JANE)).await?;
            scene.wait(30.0).await?;
            anyhow::ensure!(scene.talk(OPERATOR, JANE), "the conversation was cut off");
            hang_up(scene, JANE).await?;
            scene.wait(10.0).await?;
            has_ended(scene, "redirected").await
        })
        .await;
}

#[actix_web::test]
async fn the_key_leads_to_the_recorder_whatever_the_fallback_is() {
    fallback_to(ELSEWHERE)
        .play(async |scene| {
            place_phone(scene, ELSEWHERE);
            scene.dial(JANE).await?;
            all_ring(scene).await?;
            // A key is heard in the last second of each wait document.
            for _ in 0..24 {
                scene.wait(0.5).await?;
                scene.press(JANE, "1").await?;
                if !scene.is_ringing(TOM) {
                    break;
                }
            }
            reach_recorder(scene, JANE, 10).await?;
            leave_message(scene, JANE, "I cannot wait.").await?;
            anyhow::ensure!(scene.rings(ELSEWHERE) == 0, "the other number was rung");
            has_ended(scene, "voicemail").await
        })
        .await;
}

#[actix_web::test]
async fn an_agents_phone_on_a_path_is_not_rung_while_it_is_in_a_call() {
    fallback_to(MEI)
        .play(async |scene| {
            dial_harbour(scene, BEN).await?;
            scene.wait_for("Mei's phone rings", 8, |scene| scene.is_ringing(MEI)).await?;
            accept(scene, MEI, BEN).await?;
            scene.dial(JANE).await?;
            is_greeted_by_the_brand(scene, JANE, 55).await?;
            anyhow::ensure!(scene.rings(MEI) == 1 && scene.talk(MEI, BEN), "Mei was disturbed");
            hang_up(scene, BEN).await?;
            scene.wait(10.0).await
        })
        .await;
}

#[actix_web::test]
async fn an_agents_phone_that_rings_as_another_number_is_rung_for_nobody_else() {
    for setting in [Setting::sqlite(), Setting::postgres()] {
        setting
            .tables(&format!("[brand.after_hours]\npath = \"number\"\nnumber = \"{MEI}\""))
            .routing("tue = [\"08:00-18:00\"]", "tue = [\"14:00-18:00\"]")
            .play(async |scene| {
                scene.dial(JANE).await?;
                scene.wait_for("Mei's phone rings", 12, |scene| scene.is_ringing(MEI)).await?;
                dial_harbour(scene, BEN).await?;
                scene.wait_for("Tom's phone rings", 8, |scene| scene.is_ringing(TOM)).await?;
                is_told(scene, "mei", "the phone was held by another ring").await?;
                line_takes(scene, MEI, JANE).await?;
                accept(scene, TOM, BEN).await?;
                scene.wait(5.0).await?;
                hang_up(scene, BEN).await?;
                scene.wait(30.0).await?;
                dial_harbour(scene, OMAR).await?;
                scene.wait_for("Tom's phone rings again", 8, |scene| scene.is_ringing(TOM)).await?;
                is_told(scene, "mei", "on a call").await?;
                anyhow::ensure!(scene.rings(MEI) == 1 && scene.talk(MEI, JANE), "Mei was disturbed");
                hang_up(scene, JANE).await?;
                // Free again, Mei joins.
                scene.wait_for("Mei's phone rings", 12, |scene| scene.is_ringing(MEI)).await?;
                hang_up(scene, OMAR).await?;
                scene.wait(10.0).await
            })
            .await;
    }
}

#[actix_web::test]
async fn a_phone_that_nobody_took_as_another_number_is_free_for_the_next_call() {
    after_hours_at(MEI)
        .play(async |scene| {
            scene.dial(JANE).await?;
            scene.wait_for("Mei's phone rings", 12, |scene| scene.is_ringing(MEI)).await?;
            reach_recorder(scene, JANE, 60).await?;
            dial_harbour(scene, BEN).await?;
            scene.wait_for("Mei's phone rings for Ben", 8, |scene| scene.is_ringing(MEI)).await?;
            hang_up(scene, BEN).await?;
            leave_message(scene, JANE, "Hello?").await?;
            // The caller who gives up frees it, too.
            scene.wait(10.0).await?;
            scene.dial(RUTH).await?;
            scene.wait_for("Mei's phone rings for Ruth", 12, |scene| scene.is_ringing(MEI)).await?;
            hang_up(scene, RUTH).await?;
            scene.wait(2.0).await?;
            dial_harbour(scene, OMAR).await?;
            scene.wait_for("Mei's phone rings for Omar", 8, |scene| scene.is_ringing(MEI)).await?;
            hang_up(scene, OMAR).await?;
            scene.wait(10.0).await
        })
        .await;
}
