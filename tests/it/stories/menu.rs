//! The menu: what the caller's key changes, and what no key and a wrong one lead to.

use offhook::rules::RingMethod;
use offhook::sandbox::stories::{AGENTS, Scene};

use super::paths::{
    MENU, choose, has_ended, has_labels, heard_before_any_ring, is_over, is_told, nobody_was_rung,
    only_these_were_rung, times_heard,
};
use super::stage::{
    BOTH, JANE, LUIS, OMAR, PRIYA, SAM, Setting, accept, all_ring, hang_up, inbox_says, leave_message, none_rings,
    reach_recorder,
};

const PROMPT: &str = "For a quote press 1";

/// Everything that key 1 changes, except what is said about waiting.
async fn sales_is_chosen(scene: &Scene) -> anyhow::Result<()> {
    scene.dial(JANE).await?;
    choose(scene, JANE, "1").await?;
    scene.wait_for("Priya's phone rings", 8, |scene| scene.is_ringing(PRIYA)).await?;
    accept(scene, PRIYA, JANE).await?;
    anyhow::ensure!(scene.heard(PRIYA, "Acme Movers, sales call from"), "the prompt does not say what it is about");
    anyhow::ensure!(times_heard(scene, JANE, PROMPT) == 1, "the menu was said again");
    anyhow::ensure!(heard_before_any_ring(scene, JANE, PROMPT), "a phone rang before the choice");
    scene.wait(5.0).await?;
    hang_up(scene, JANE).await?;
    scene.wait(10.0).await?;
    only_these_were_rung(scene, &[PRIYA])?;
    has_ended(scene, "answered").await?;
    has_labels(scene, JANE, &["voice", "brand-acme-movers", "intent-sales"])?;
    anyhow::ensure!(scene.assignee(JANE).as_deref() == Some("Priya Nair"), "the owner is {:?}", scene.assignee(JANE));
    for agent in ["sam", "luis", "mei", "tom"] {
        is_told(scene, agent, "lacks the skill that `sales` asks for").await?;
    }
    is_told(scene, "priya", "they pressed 1 and took the call").await
}

#[actix_web::test]
async fn a_key_chooses_who_rings_what_is_said_and_how_it_is_labelled() {
    for setting in [Setting::sqlite(), Setting::postgres()] {
        setting
            .tables(MENU)
            .play(async |scene| {
                sales_is_chosen(scene).await?;
                anyhow::ensure!(scene.heard(JANE, "A quote takes two minutes."), "the intent's greeting is missing");
                anyhow::ensure!(!scene.heard(JANE, "Thank you for calling"), "the brand's greeting came besides");
                Ok(())
            })
            .await;
    }
}

#[actix_web::test]
async fn by_dial_a_key_chooses_who_rings() {
    for reading in ["accept", "answer"] {
        Setting::sqlite()
            .method(RingMethod::Dial)
            .dial_stops_at(reading)
            .tables(MENU)
            .play(async |scene| sales_is_chosen(scene).await)
            .await;
    }
}

/// Everybody may take what the default is about.
async fn default_is_taken(scene: &Scene) -> anyhow::Result<()> {
    all_ring(scene).await?;
    anyhow::ensure!(times_heard(scene, JANE, PROMPT) == 2, "the menu was said {}", times_heard(scene, JANE, PROMPT));
    accept(scene, SAM, JANE).await?;
    anyhow::ensure!(scene.heard(SAM, "Acme Movers, active moves call from"), "the prompt does not say the default");
    none_rings(scene, 2).await?;
    hang_up(scene, JANE).await?;
    scene.wait(10.0).await?;
    has_labels(scene, JANE, &["voice", "intent-moves"])
}

#[actix_web::test]
async fn without_a_key_the_menu_is_said_again_and_then_the_default_holds() {
    for method in [RingMethod::Legs, RingMethod::Dial] {
        Setting::sqlite()
            .method(method)
            .tables(MENU)
            .play(async |scene| {
                scene.dial(JANE).await?;
                scene.wait_for("the menu again", 20, |scene| times_heard(scene, JANE, PROMPT) == 2).await?;
                nobody_was_rung(scene)?;
                scene.wait_for("a phone rings", 20, |scene| scene.is_ringing(SAM)).await?;
                default_is_taken(scene).await?;
                anyhow::ensure!(
                    method == RingMethod::Dial || scene.heard(JANE, "Thank you for calling Acme Movers."),
                    "an intent without a greeting takes the brand's"
                );
                Ok(())
            })
            .await;
    }
}

#[actix_web::test]
async fn a_wrong_key_twice_takes_the_default_and_the_right_one_after_it_counts() {
    for method in BOTH {
        Setting::sqlite()
            .method(method)
            .tables(MENU)
            .play(async |scene| {
                scene.dial(JANE).await?;
                choose(scene, JANE, "9").await?;
                scene.wait_for("the menu again", 5, |scene| times_heard(scene, JANE, PROMPT) == 2).await?;
                scene.press(JANE, "#").await?;
                default_is_taken(scene).await
            })
            .await;
        Setting::sqlite()
            .method(method)
            .tables(MENU)
            .play(async |scene| {
                scene.dial(JANE).await?;
                choose(scene, JANE, "9").await?;
                scene.wait_for("the menu again", 5, |scene| times_heard(scene, JANE, PROMPT) == 2).await?;
                scene.press(JANE, "1").await?;
                scene.wait_for("Priya's phone rings", 8, |scene| scene.is_ringing(PRIYA)).await?;
                hang_up(scene, JANE).await?;
                scene.wait(10.0).await?;
                only_these_were_rung(scene, &[PRIYA])?;
                has_ended(scene, "abandoned").await?;
                has_labels(scene, JANE, &["intent-sales", "missed-call"])
            })
            .await;
    }
}

#[actix_web::test]
async fn each_intent_has_a_fallback_of_its_own_or_the_brands() {
    for method in [RingMethod::Legs, RingMethod::Dial] {
        Setting::sqlite()
            .method(method)
            .tables(MENU)
            .play(async |scene| {
                scene.dial(JANE).await?;
                choose(scene, JANE, "1").await?;
                scene.wait_for("Priya's phone rings", 8, |scene| scene.is_ringing(PRIYA)).await?;
                scene.wait_for("the words", 50, |scene| scene.heard(JANE, "estimators are on the road")).await?;
                scene.wait(12.0).await?;
                is_over(scene)?;
                has_ended(scene, "missed").await?;
                anyhow::ensure!(inbox_says(scene, JANE, "Missed call, no message"), "the inbox shows no missed call");
                has_labels(scene, JANE, &["intent-sales", "missed-call"])?;
                // Nobody rests from the other intent.
                scene.wait(60.0).await?;
                scene.dial(JANE).await?;
                scene.wait_for("the menu once more", 8, |scene| times_heard(scene, JANE, PROMPT) == 2).await?;
                scene.press(JANE, "2").await?;
                all_ring(scene).await?;
                reach_recorder(scene, JANE, 50).await?;
                leave_message(scene, JANE, "Where is the van?").await?;
                anyhow::ensure!(scene.voicemails(JANE) == 1, "{} voicemails", scene.voicemails(JANE));
                has_labels(scene, JANE, &["intent-moves", "voicemail"])
            })
            .await;
    }
}

#[actix_web::test]
async fn nobody_with_the_skill_is_declined_for_by_others() {
    for method in BOTH {
        Setting::sqlite()
            .method(method)
            .tables(MENU)
            .play(async |scene| {
                scene.dial(JANE).await?;
                choose(scene, JANE, "1").await?;
                scene.wait_for("Priya's phone rings", 8, |scene| scene.is_ringing(PRIYA)).await?;
                scene.answer(PRIYA).await?;
                scene.press(PRIYA, "3").await?;
                scene.wait_for("the words", 10, |scene| scene.heard(JANE, "estimators are on the road")).await?;
                scene.wait(12.0).await?;
                is_over(scene)?;
                only_these_were_rung(scene, &[PRIYA])
            })
            .await;
    }
}

#[actix_web::test]
async fn a_number_that_stands_for_an_intent_has_no_menu() {
    for method in BOTH {
        Setting::sqlite()
            .method(method)
            .tables(MENU)
            .routing(
                "number = \"+15550100002\"\nbrand = \"acme-movers\"",
                "number = \"+15550100002\"\nbrand = \"acme-movers\"\nintent = \"sales\"",
            )
            .play(async |scene| {
                scene.dial(JANE).await?;
                scene.wait_for("Priya's phone rings", 8, |scene| scene.is_ringing(PRIYA)).await?;
                accept(scene, PRIYA, JANE).await?;
                anyhow::ensure!(!scene.heard(JANE, PROMPT), "the menu was said");
                anyhow::ensure!(scene.heard(PRIYA, "sales call from"), "the prompt does not say what it is about");
                hang_up(scene, JANE).await?;
                scene.wait(10.0).await?;
                has_labels(scene, JANE, &["intent-sales"])?;
                only_these_were_rung(scene, &[PRIYA])
            })
            .await;
    }
}

#[actix_web::test]
async fn a_caller_who_hangs_up_at_the_menu_rang_nobody_and_is_in_the_inbox() {
    for method in BOTH {
        Setting::sqlite()
            .method(method)
            .tables(MENU)
            .play(async |scene| {
                scene.dial(JANE).await?;
                scene.wait_for("the menu", 8, |scene| scene.heard(JANE, PROMPT)).await?;
                hang_up(scene, JANE).await?;
                scene.wait(20.0).await?;
                nobody_was_rung(scene)?;
                has_ended(scene, "abandoned").await?;
                is_told(scene, "luis", "the call did not come that far").await?;
                anyhow::ensure!(scene.rings(LUIS) == 0 && AGENTS.len() == 5);
                anyhow::ensure!(inbox_says(scene, JANE, "Missed call"), "the inbox does not show the call");
                Ok(())
            })
            .await;
    }
}

#[actix_web::test]
async fn two_callers_choose_differently_and_each_rings_whom_the_other_leaves() {
    Setting::sqlite()
        .tables(MENU)
        .play(async |scene| {
            scene.dial(JANE).await?;
            scene.dial(OMAR).await?;
            choose(scene, JANE, "1").await?;
            scene.wait_for("Priya's phone rings", 8, |scene| scene.is_ringing(PRIYA)).await?;
            scene.press(OMAR, "2").await?;
            scene.wait_for("Sam's phone rings", 8, |scene| scene.is_ringing(SAM)).await?;
            is_told(scene, "priya", "the phone was held by another ring").await?;
            accept(scene, SAM, OMAR).await?;
            accept(scene, PRIYA, JANE).await?;
            anyhow::ensure!(scene.heard(SAM, "active moves call from") && !scene.heard(SAM, "sales"));
            anyhow::ensure!(scene.heard(PRIYA, "sales call from") && !scene.heard(PRIYA, "active moves"));
            scene.wait(5.0).await?;
            hang_up(scene, JANE).await?;
            hang_up(scene, OMAR).await?;
            scene.wait(10.0).await?;
            has_labels(scene, JANE, &["intent-sales"])?;
            has_labels(scene, OMAR, &["intent-moves"])
        })
        .await;
}

#[actix_web::test]
async fn a_restart_at_the_menu_costs_the_caller_nothing() {
    for setting in [Setting::sqlite(), Setting::postgres()] {
        setting
            .tables(MENU)
            .play(async |scene| {
                scene.dial(JANE).await?;
                scene.wait_for("the menu", 8, |scene| scene.heard(JANE, PROMPT)).await?;
                scene.exchange.restart_service().await?;
                scene.press(JANE, "1").await?;
                scene.wait_for("Priya's phone rings", 8, |scene| scene.is_ringing(PRIYA)).await?;
                accept(scene, PRIYA, JANE).await?;
                scene.wait(5.0).await?;
                hang_up(scene, JANE).await?;
                scene.wait(10.0).await?;
                only_these_were_rung(scene, &[PRIYA])?;
                has_ended(scene, "answered").await
            })
            .await;
    }
}

#[actix_web::test]
async fn a_recorded_menu_that_cannot_be_fetched_costs_seconds_and_not_the_call() {
    let recorded = || {
        let words = "prompt = \"For a quote press 1. For a move that is under way press 2.\"";
        Setting::sqlite().tables(&MENU.replace(words, "audio = \"https://media.invalid/menu.mp3\""))
    };
    recorded()
        .play(async |scene| {
            scene.dial(JANE).await?;
            scene.wait_for("the default", 15, |scene| scene.is_ringing(SAM)).await?;
            accept(scene, SAM, JANE).await?;
            scene.wait(5.0).await?;
            hang_up(scene, JANE).await?;
            scene.wait(10.0).await?;
            has_labels(scene, JANE, &["intent-moves"])
        })
        .await;
    recorded()
        .play(async |scene| {
            scene.dial(JANE).await?;
            scene.wait(1.0).await?;
            // Whoever knows the key is heard all the same.
            scene.press(JANE, "1").await?;
            scene.wait_for("Priya's phone rings", 8, |scene| scene.is_ringing(PRIYA)).await?;
            hang_up(scene, JANE).await?;
            scene.wait(10.0).await?;
            only_these_were_rung(scene, &[PRIYA])
        })
        .await;
}
