//! Why did, or didn't, my phone ring? Asked after the call, over the API.

use offhook::sandbox::stories::AGENTS;
use offhook::sandbox::twilio::PhoneAction;
use reqwest::Method;
use serde_json::Value;

use super::chatwoot_people::ask;
use super::stage::{JANE, LUIS, PRIYA, Setting, accept, hang_up};

#[actix_web::test]
async fn after_a_call_every_agent_is_told_in_a_sentence_why_the_phone_rang_or_not() {
    for setting in [Setting::sqlite(), Setting::postgres()] {
        // Tom's phone is nobody's word for it.
        let tom = format!("phone = \"{}\"\nphone_verified = true", AGENTS[4]);
        setting
            .routing(&tom, &tom.replace("true", "false"))
            .play(async |scene| {
                scene.dial(JANE).await?;
                scene.wait_for("Luis rings", 12, |scene| scene.is_ringing(LUIS)).await?;
                scene.act(LUIS, PhoneAction::Decline).await?;
                scene.wait_for("Priya rings", 12, |scene| scene.is_ringing(PRIYA)).await?;
                accept(scene, PRIYA, JANE).await?;
                hang_up(scene, JANE).await?;
                scene.wait(6.0).await?;
                let calls = ask(scene, Method::GET, "/calls", None).await?.1;
                let path = format!("/calls/{}/explanation", calls[0]["id"].as_str().unwrap());
                let told = ask(scene, Method::GET, &path, None).await?.1;
                let sentence = |agent: &str| {
                    let all = told["agents"].as_array().unwrap();
                    all.iter().find(|one| one["agent"] == agent).unwrap()["sentence"].as_str().unwrap().to_owned()
                };
                assert!(sentence("priya").ends_with("they pressed 1 and took the call."), "{told:#}");
                assert!(sentence("luis").contains("Luis Ortega was rung"), "{told:#}");
                assert!(sentence("luis").ends_with("they declined.") || sentence("luis").contains("busy"), "{told:#}");
                assert!(sentence("sam").ends_with("another agent was first."), "{told:#}");
                assert!(sentence("tom").contains("nobody has verified the phone"), "{told:#}");
                assert_eq!(told["agents"].as_array().unwrap().len(), 5, "{told:#}");
                let call: Vec<&str> = told["call"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
                assert_eq!(call, ["Priya Nair met the caller and owns the call.", "The call was answered."]);
                Ok(())
            })
            .await;
    }
}
