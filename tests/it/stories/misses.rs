//! Whom the system puts aside for missing calls, and whom it must not.

use chrono::TimeDelta;
use offhook::rules::RingMethod;
use offhook::sandbox::stories::Scene;
use offhook::sandbox::twilio::PhoneAction;
use serde_json::json;

use super::paths::is_told;
use super::stage::{ACME, JANE, SAM, Setting, all_ring, hang_up, inbox_says, reach_recorder};

/// A phone that rang for less was not offered the call in earnest.
const FAIR_RING: TimeDelta = TimeDelta::seconds(10);

/// Thirty more agents, of whom the account rings one a second.
fn crowd() -> (String, Vec<String>) {
    let ids: Vec<String> = (0..30).map(|number| format!("crowd{number:02}")).collect();
    let tables = ids.iter().zip(100..).map(|(id, number)| {
        format!("[[agent]]\nid = \"{id}\"\nname = \"{id}\"\nemail = \"{id}@example.com\"\nphone = \"+15550100{number}\"\nphone_verified = true\n")
    });
    (tables.collect(), ids)
}

fn is_paused(scene: &Scene, name: &str) -> bool {
    let texts = scene.messages(JANE).into_iter().filter_map(|message| message.content);
    texts.filter(|text| text.contains("their phone is not rung until")).any(|text| text.contains(name))
}

#[actix_web::test]
async fn who_waited_for_a_turn_at_the_carrier_and_never_rang_is_not_paused_for_it() {
    let (tables, ids) = crowd();
    let everybody: Vec<&str> = ids.iter().map(String::as_str).collect();
    Setting::sqlite()
        .method(RingMethod::Legs)
        .calls_per_second(1, 1)
        .roster(&everybody)
        .top(&format!("[pausing]\nafter_misses = 1\n\n{tables}"))
        .play(async |scene| {
            scene.dial(JANE).await?;
            reach_recorder(scene, JANE, 60).await?;
            hang_up(scene, JANE).await?;
            scene.wait(150.0).await?;
            let (mut never_rang, mut paused) = (0, 0);
            for (id, number) in ids.iter().zip(100..) {
                let rings = scene.exchange.twilio.rings(&format!("+15550100{number}"));
                let rang = rings.iter().filter_map(|ring| Some(ring.until? - ring.from)).max();
                never_rang += usize::from(rang.is_none());
                paused += usize::from(is_paused(scene, id));
                let may_be_paused = rang.is_some_and(|rang| rang >= FAIR_RING - TimeDelta::seconds(1));
                anyhow::ensure!(may_be_paused || !is_paused(scene, id), "{id} rang for {rang:?} and was paused");
                if rang.is_none() {
                    is_told(scene, id, "It did not come to ring").await?;
                }
            }
            anyhow::ensure!(never_rang >= 3, "only {never_rang} phones did not come to ring");
            anyhow::ensure!(paused >= 3, "only {paused} of those who let it ring were paused");
            Ok(())
        })
        .await;
}

#[actix_web::test]
async fn who_picks_up_just_before_the_deadline_and_is_cut_is_not_paused_for_it() {
    Setting::sqlite()
        .top("[pausing]\nafter_misses = 1")
        .play(async |scene| {
            scene.dial(JANE).await?;
            all_ring(scene).await?;
            scene.wait(21.5).await?;
            scene.act(SAM, PhoneAction::Answer).await?;
            reach_recorder(scene, JANE, 30).await?;
            hang_up(scene, JANE).await?;
            scene.wait(150.0).await?;
            anyhow::ensure!(inbox_says(scene, JANE, "their phone is not rung until"), "nobody was paused at all");
            anyhow::ensure!(!is_paused(scene, "Sam"), "Sam was paused");
            Ok(())
        })
        .await;
}

#[actix_web::test]
async fn a_ringing_that_is_told_late_makes_no_voicemail_of_a_person() {
    Setting::sqlite()
        .switches(&json!({ "callbacks": { "delay_ms": 6000 } }))
        .play(async |scene| {
            scene.dial(JANE).await?;
            all_ring(scene).await?;
            scene.wait(5.0).await?;
            scene.act(SAM, PhoneAction::Answer).await?;
            scene.wait(15.0).await?;
            hang_up(scene, JANE).await?;
            scene.wait(20.0).await?;
            is_told(scene, "sam", "nobody pressed 1").await
        })
        .await;
}

#[actix_web::test]
async fn who_calls_in_and_hangs_up_is_not_paused_for_it() {
    Setting::sqlite()
        .top("[pausing]\nafter_misses = 1")
        .play(async |scene| {
            scene.dial(JANE).await?;
            all_ring(scene).await?;
            scene.act(SAM, PhoneAction::Decline).await?;
            scene.wait_for("Sam's phone is free", 5, |scene| !scene.is_ringing(SAM)).await?;
            scene.wait(1.0).await?;
            scene.act(SAM, PhoneAction::Dial { to: ACME.to_owned() }).await?;
            scene.wait_for("the question", 5, |scene| scene.heard(SAM, "The caller is still waiting")).await?;
            hang_up(scene, SAM).await?;
            scene.wait(2.0).await?;
            hang_up(scene, JANE).await?;
            scene.wait(30.0).await?;
            anyhow::ensure!(!is_paused(scene, "Sam"), "Sam was paused for calling in");
            Ok(())
        })
        .await;
}

#[actix_web::test]
async fn the_supervisors_of_the_brand_that_needs_the_agent_are_told_that_it_does() {
    let supervisor = |id: &str, brand: &str, user: u32| {
        format!("[[supervisor]]\nid = \"{id}\"\nname = \"{id}\"\nbrands = [\"{brand}\"]\nchatwoot_user_id = {user}\n")
    };
    let (ours, theirs) = (supervisor("dana", "acme-movers", 901), supervisor("hal", "harbour-storage", 902));
    Setting::sqlite()
        .top(&format!("[pausing]\nafter_misses = 1\n\n{ours}{theirs}"))
        .play(async |scene| {
            scene.dial(JANE).await?;
            reach_recorder(scene, JANE, 60).await?;
            hang_up(scene, JANE).await?;
            scene.wait(150.0).await?;
            let texts: Vec<String> = scene.messages(JANE).into_iter().filter_map(|message| message.content).collect();
            let spared = |agent: &str| {
                let mut told = texts.iter().filter(|text| text.contains("was not paused"));
                told.find(|text| text.contains(agent))
                    .ok_or_else(|| anyhow::anyhow!("nothing is said of {agent}: {texts:?}"))
            };
            // Mei and Tom are all that Harbour has.
            let mei = spared("Mei Tanaka")?;
            anyhow::ensure!(mei.contains("for Harbour Storage now") && mei.contains("902"), "{mei}");
            anyhow::ensure!(!mei.contains("901"), "{mei}");
            Ok(())
        })
        .await;
}
