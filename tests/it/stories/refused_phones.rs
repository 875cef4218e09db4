//! The carrier refuses a number: the phone is out, and neither the agent nor the next number.

use offhook::sandbox::stories::{AGENTS, Scene};
use offhook::sandbox::twilio::{Behaviour, PhoneKind, What};
use reqwest::Method;
use serde_json::json;

use super::chatwoot_people::ask;
use super::paths::publish;
use super::stage::{JANE, OMAR, PRIYA, RUTH, SAM, Setting, accept, hang_up};

/// Sam's next phone.
const SAMS_NEW: &str = "+15550100029";

fn dialled(scene: &Scene, phone: &str) -> usize {
    scene.exchange.twilio.log().iter().filter(|entry| entry.phone == phone && entry.what == What::Ringing).count()
}

async fn call_that_priya_takes(scene: &Scene, caller: &str) -> anyhow::Result<()> {
    scene.dial(caller).await?;
    scene.wait_for("Priya's phone rings", 8, |scene| scene.is_ringing(PRIYA)).await?;
    scene.wait(2.0).await?;
    accept(scene, PRIYA, caller).await?;
    hang_up(scene, caller).await?;
    // Nobody rests any more.
    scene.wait(30.0).await
}

async fn publish_sams_phone(scene: &Scene, phone: &str) -> anyhow::Result<()> {
    publish(scene, |rules| {
        let agents = rules["agent"].as_array_mut().unwrap();
        let sam = agents.iter_mut().find(|agent| agent["id"] == "sam").unwrap();
        sam["phone"] = json!(phone);
        sam["phone_verified"] = json!(true);
    })
    .await
}

async fn banner_codes(scene: &Scene) -> anyhow::Result<String> {
    Ok(ask(scene, Method::GET, "/banners", None).await?.1.to_string())
}

#[actix_web::test]
async fn an_agent_whose_number_was_refused_rings_on_another_phone() {
    for setting in [Setting::sqlite(), Setting::postgres()] {
        setting
            .play(async |scene| {
                scene.exchange.twilio.add_phone(SAMS_NEW, "Sam's new phone", PhoneKind::Agent, Behaviour::Manual);
                scene.exchange.twilio.refuse_number(SAM, Some(21211));
                call_that_priya_takes(scene, JANE).await?;
                anyhow::ensure!(banner_codes(scene).await?.contains("phones_refused"), "nobody is told");
                publish_sams_phone(scene, SAMS_NEW).await?;
                anyhow::ensure!(!banner_codes(scene).await?.contains("phones_refused"), "another phone is not refused");
                scene.dial(OMAR).await?;
                scene.wait_for("Sam's new phone rings", 8, |scene| scene.is_ringing(SAMS_NEW)).await?;
                accept(scene, SAMS_NEW, OMAR).await?;
                hang_up(scene, OMAR).await?;
                scene.wait(10.0).await?;
                anyhow::ensure!(dialled(scene, SAM) == 0, "the refused number was rung");
                // The number that was refused is put right, and Sam's again.
                scene.exchange.twilio.refuse_number(SAM, None);
                publish_sams_phone(scene, SAM).await?;
                scene.wait(30.0).await?;
                scene.dial(RUTH).await?;
                scene.wait_for("Sam's first phone rings", 8, |scene| scene.is_ringing(SAM)).await?;
                hang_up(scene, RUTH).await?;
                scene.wait(10.0).await
            })
            .await;
    }
}

#[actix_web::test]
async fn a_refused_number_rings_again_once_an_operator_says_so() {
    Setting::sqlite()
        .play(async |scene| {
            scene.exchange.twilio.refuse_number(SAM, Some(21211));
            call_that_priya_takes(scene, JANE).await?;
            scene.exchange.twilio.refuse_number(SAM, None);
            call_that_priya_takes(scene, OMAR).await?;
            anyhow::ensure!(dialled(scene, SAM) == 0, "a number that cannot be called was tried again");
            let trust = async || {
                let url = format!("http://{}/api/v1/agents/sam/unreachable", scene.exchange.address);
                let request = reqwest::Client::new().delete(url).bearer_auth("operator-token-of-the-demonstration");
                anyhow::Ok(request.send().await?.status().as_u16())
            };
            anyhow::ensure!(trust().await? == 204 && trust().await? == 404, "once is enough");
            let audit = ask(scene, Method::GET, "/audit", None).await?.1;
            anyhow::ensure!(audit[0]["action"] == "phone_trusted", "{audit}");
            scene.dial(RUTH).await?;
            scene.wait_for("Sam's phone rings", 8, |scene| scene.is_ringing(SAM)).await?;
            accept(scene, SAM, RUTH).await?;
            hang_up(scene, RUTH).await?;
            scene.wait(10.0).await
        })
        .await;
}

/// A phone that our own policy keeps from being dialled is no phone that the carrier refused.
#[actix_web::test]
async fn a_phone_outside_the_allowed_regions_rings_once_its_region_is_allowed() {
    const ABROAD: &str = "+33612345678";
    Setting::sqlite()
        .routing(&format!("phone = \"{}\"", AGENTS[2]), &format!("phone = \"{ABROAD}\""))
        .play(async |scene| {
            call_that_priya_takes(scene, JANE).await?;
            scene.exchange.settings.destinations.regions.push("FR".to_owned());
            scene.exchange.restart_service().await?;
            scene.dial(OMAR).await?;
            scene.wait_for("the phone abroad rings", 8, |scene| scene.is_ringing(ABROAD)).await?;
            hang_up(scene, OMAR).await?;
            scene.wait(10.0).await
        })
        .await;
}

/// "Any other key declines", the pound key too.
#[actix_web::test]
async fn the_pound_key_declines() {
    Setting::sqlite()
        .play(async |scene| {
            scene.dial(JANE).await?;
            super::stage::all_ring(scene).await?;
            scene.answer(SAM).await?;
            scene.press(SAM, "#").await?;
            accept(scene, PRIYA, JANE).await?;
            hang_up(scene, JANE).await?;
            scene.wait(6.0).await?;
            let calls = ask(scene, Method::GET, "/calls", None).await?.1;
            let path = format!("/calls/{}/explanation", calls[0]["id"].as_str().unwrap());
            let told = ask(scene, Method::GET, &path, None).await?.1;
            let agents = told["agents"].as_array().unwrap();
            let sam = agents.iter().find(|one| one["agent"] == "sam").unwrap()["sentence"].as_str().unwrap();
            anyhow::ensure!(sam.ends_with("they declined."), "{sam}");
            Ok(())
        })
        .await;
}
