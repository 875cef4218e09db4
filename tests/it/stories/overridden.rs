//! Overrides by both ways of ringing: confirmed or not, closed or open, and with the line gone.

use offhook::rules::RingMethod;
use offhook::sandbox::stories::Scene;
use offhook::sandbox::twilio::{Behaviour, PhoneAction};

use super::paths::{has_ended, nobody_was_rung, publish};
use super::stage::{JANE, PRIYA, Setting, accept, all_ring, hang_up, meet, reach_recorder};
use super::supervised::{OPERATOR, begin_override, events, get, place_operator};
use super::supervisor::operator_takes;

const BOTH: [RingMethod; 2] = [RingMethod::Legs, RingMethod::Dial];

async fn overridden(scene: &Scene) -> anyhow::Result<()> {
    place_operator(scene);
    begin_override(scene, serde_json::json!({})).await?;
    Ok(())
}

#[actix_web::test]
async fn the_operator_confirms_and_no_agent_is_rung() {
    for method in BOTH {
        Setting::sqlite()
            .supervised()
            .method(method)
            .play(async |scene| {
                overridden(scene).await?;
                scene.dial(JANE).await?;
                operator_takes(scene, JANE).await?;
                hang_up(scene, JANE).await?;
                scene.wait(10.0).await?;
                nobody_was_rung(scene)?;
                has_ended(scene, "redirected").await
            })
            .await;
    }
}

#[actix_web::test]
async fn without_a_confirmation_the_caller_goes_the_usual_way() {
    for method in BOTH {
        for how in ["declines", "lets it ring", "is busy", "picks up and says nothing"] {
            Setting::sqlite()
                .supervised()
                .method(method)
                .play(async |scene| {
                    overridden(scene).await?;
                    if how == "is busy" {
                        scene.behave(OPERATOR, Behaviour::Busy);
                    }
                    scene.dial(JANE).await?;
                    if how != "is busy" {
                        scene.wait_for("the operator rings", 10, |scene| scene.is_ringing(OPERATOR)).await?;
                    }
                    match how {
                        "declines" => scene.act(OPERATOR, PhoneAction::Decline).await?,
                        "picks up and says nothing" => scene.act(OPERATOR, PhoneAction::Answer).await?,
                        _ => {}
                    }
                    let rings = |scene: &Scene| scene.is_ringing(PRIYA);
                    scene.wait_for("the team rings", 45, rings).await.map_err(|error| error.context(how))?;
                    accept(scene, PRIYA, JANE).await?;
                    // Under a simultaneous dial a talk is known by its length: who hangs up at once met nobody.
                    scene.wait(5.0).await?;
                    hang_up(scene, JANE).await?;
                    scene.wait(10.0).await?;
                    has_ended(scene, "answered").await
                })
                .await;
        }
    }
}

#[actix_web::test]
async fn a_line_that_need_not_confirm_takes_the_call_by_picking_up() {
    for method in BOTH {
        Setting::sqlite()
            .supervised()
            .routing("ring_s = 20\n", "ring_s = 20\nconfirm = false\n")
            .method(method)
            .play(async |scene| {
                overridden(scene).await?;
                scene.dial(JANE).await?;
                scene.wait_for("the operator rings", 10, |scene| scene.is_ringing(OPERATOR)).await?;
                scene.act(OPERATOR, PhoneAction::Answer).await?;
                meet(scene, OPERATOR, JANE).await?;
                hang_up(scene, JANE).await?;
                scene.wait(10.0).await?;
                nobody_was_rung(scene)?;
                has_ended(scene, "redirected").await
            })
            .await;
    }
}

#[actix_web::test]
async fn a_closed_brand_is_overridden_all_the_same() {
    for method in BOTH {
        for confirms in [true, false] {
            Setting::sqlite()
                .supervised()
                .routing("tue = [\"08:00-18:00\"]", "tue = [\"14:00-18:00\"]")
                .method(method)
                .play(async |scene| {
                    overridden(scene).await?;
                    scene.dial(JANE).await?;
                    if confirms {
                        operator_takes(scene, JANE).await?;
                        hang_up(scene, JANE).await?;
                    } else {
                        scene.wait_for("the operator rings", 10, |scene| scene.is_ringing(OPERATOR)).await?;
                        scene.act(OPERATOR, PhoneAction::Decline).await?;
                        reach_recorder(scene, JANE, 20).await?;
                        anyhow::ensure!(
                            scene.heard(JANE, "Acme Movers is closed right now"),
                            "the usual way is closed"
                        );
                        hang_up(scene, JANE).await?;
                    }
                    scene.wait(10.0).await?;
                    nobody_was_rung(scene)
                })
                .await;
        }
    }
}

#[actix_web::test]
async fn with_the_operator_line_taken_out_of_the_rules_callers_go_to_the_team() {
    for method in BOTH {
        Setting::sqlite()
            .supervised()
            .method(method)
            .play(async |scene| {
                overridden(scene).await?;
                publish(scene, |document| {
                    document["brand"][0].as_object_mut().unwrap().remove("operator");
                })
                .await?;
                scene.dial(JANE).await?;
                all_ring(scene).await?;
                anyhow::ensure!(scene.rings(OPERATOR) == 0, "a line that is no more was rung");
                anyhow::ensure!(events(scene, "found_overridden").await?.len() == 1, "the history does not say so");
                let banners = get(scene, "/banners").await?.to_string();
                anyhow::ensure!(banners.contains("there is no operator line"), "{banners}");
                hang_up(scene, JANE).await?;
                scene.wait(10.0).await?;
                has_ended(scene, "abandoned").await
            })
            .await;
    }
}
