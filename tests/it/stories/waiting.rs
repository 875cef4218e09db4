//! More callers than phones: who waits, who is offered what came free, and in which order.

use offhook::sandbox::stories::{AGENTS, Scene};
use offhook::sandbox::twilio::{Behaviour, PhoneAction, PhoneKind};

use super::paths::is_told;
use super::stage::{
    ACME, BEN, BOTH, JANE, LUIS, MEI, OMAR, PRIYA, RUTH, SAM, Setting, TOM, accept, accept_and_talk, all_ring, hang_up,
    leave_message, reach_recorder, watch,
};
use super::supervised::get;

/// Whom each of these agents is asked to take, as they hear it on their phones.
async fn ask_who_calls(scene: &Scene, agents: &[&str]) -> anyhow::Result<Vec<String>> {
    let mut callers = Vec::new();
    for agent in agents {
        scene.answer(agent).await?;
        let is_asked = |scene: &Scene, digits: &str| scene.heard(agent, &format!("ending in {digits}"));
        let named = |scene: &Scene| is_asked(scene, "0 0 0 5") || is_asked(scene, "0 0 0 6");
        scene.wait_for("the prompt names the caller", 5, named).await?;
        callers.push(if is_asked(scene, "0 0 0 5") { OMAR.to_owned() } else { RUTH.to_owned() });
    }
    Ok(callers)
}

#[actix_web::test]
async fn an_agent_who_came_free_and_was_left_to_another_caller_is_not_said_to_be_on_a_call_for_ever() {
    Setting::sqlite()
        .roster(&["sam", "priya"])
        .routing("cooldown_s = 15", "cooldown_s = 2")
        .play(async |scene| {
            scene.dial(BEN).await?;
            scene.wait_for("Sam's phone rings", 8, |scene| scene.is_ringing(SAM)).await?;
            accept(scene, SAM, BEN).await?;
            scene.wait(2.0).await?;
            scene.dial(JANE).await?;
            scene.wait_for("Priya's phone rings", 8, |scene| scene.is_ringing(PRIYA)).await?;
            is_told(scene, "sam", "on a call").await?;
            scene.dial(OMAR).await?;
            scene.wait(4.0).await?;
            hang_up(scene, BEN).await?;
            scene.wait_for("Sam's phone rings", 8, |scene| scene.is_ringing(SAM)).await?;
            scene.wait(1.0).await?;
            hang_up(scene, JANE).await?;
            scene.wait(1.0).await?;
            let calls = get(scene, "/calls?limit=2").await?;
            let path = format!("/calls/{}/explanation", calls[1]["id"].as_str().unwrap_or_default());
            let told = get(scene, &path).await?;
            let agents = told["agents"].as_array().cloned().unwrap_or_default();
            let sam = agents.iter().find(|one| one["agent"] == "sam").and_then(|one| one["sentence"].as_str());
            let sam = sam.unwrap_or_default();
            let is_up_to_date = sam.contains("held by another ring") || sam.contains("left to another caller");
            anyhow::ensure!(is_up_to_date, "of Sam it is said: {sam}");
            accept(scene, SAM, OMAR).await?;
            hang_up(scene, OMAR).await?;
            scene.wait(10.0).await
        })
        .await;
}

#[actix_web::test]
async fn freed_phones_are_split_evenly_among_those_who_wait() {
    for setting in [Setting::sqlite(), Setting::postgres()] {
        setting
            .routing("max_wait_s = 25", "max_wait_s = 60")
            .play(async |scene| {
                scene.dial(JANE).await?;
                all_ring(scene).await?;
                scene.dial(OMAR).await?;
                scene.wait(1.0).await?;
                scene.dial(RUTH).await?;
                scene.wait(2.0).await?;
                accept(scene, PRIYA, JANE).await?;
                let freed = [SAM, LUIS, MEI, TOM];
                let all = |scene: &Scene| freed.iter().all(|agent| scene.is_ringing(agent));
                scene.wait_for("the four phones ring again", 12, all).await?;
                let callers = ask_who_calls(scene, &freed).await?;
                let omars = callers.iter().filter(|caller| *caller == OMAR).count();
                anyhow::ensure!(omars == 2, "{omars} of the four phones rang for Omar, and not half of them");
                for (agent, caller) in freed.iter().zip(&callers) {
                    if !scene.talk(agent, caller) && !freed.iter().any(|other| scene.talk(other, caller)) {
                        scene.press(agent, "1").await?;
                        scene.wait_for("agent and caller meet", 10, |scene| scene.talk(agent, caller)).await?;
                    }
                }
                anyhow::ensure!(scene.talk(PRIYA, JANE), "Jane lost her agent");
                for customer in [JANE, OMAR, RUTH] {
                    anyhow::ensure!(
                        AGENTS.iter().any(|agent| scene.talk(agent, customer)),
                        "{customer} talks to nobody"
                    );
                    hang_up(scene, customer).await?;
                }
                scene.wait(20.0).await
            })
            .await;
    }
}

#[actix_web::test]
async fn a_waiting_caller_reaches_the_recorder_although_phones_never_came_free() {
    Setting::sqlite()
        .play(async |scene| {
            scene.dial(JANE).await?;
            all_ring(scene).await?;
            scene.dial(OMAR).await?;
            reach_recorder(scene, JANE, 45).await?;
            hang_up(scene, JANE).await?;
            reach_recorder(scene, OMAR, 60).await?;
            leave_message(scene, OMAR, "It is Omar.").await?;
            anyhow::ensure!(scene.voicemails(OMAR) == 1, "the message is missing");
            Ok(())
        })
        .await;
}

#[actix_web::test]
async fn a_caller_who_waits_behind_another_and_hangs_up_is_forgotten() {
    Setting::sqlite()
        .play(async |scene| {
            scene.dial(JANE).await?;
            all_ring(scene).await?;
            scene.dial(OMAR).await?;
            scene.wait(2.0).await?;
            hang_up(scene, OMAR).await?;
            accept(scene, PRIYA, JANE).await?;
            watch(scene, 10).await?;
            anyhow::ensure!(AGENTS.iter().all(|agent| scene.rings(agent) == 1), "a phone rang for one who had gone");
            hang_up(scene, JANE).await?;
            scene.wait(5.0).await
        })
        .await;
}

fn add_customers(scene: &Scene, count: usize) -> Vec<String> {
    let numbers: Vec<String> = (0..count).map(|place| format!("+155501000{}", 40 + place)).collect();
    for number in &numbers {
        scene.exchange.twilio.add_phone(number, "A customer", PhoneKind::Customer, Behaviour::Manual);
    }
    numbers
}

#[actix_web::test]
async fn eight_callers_at_once_each_reach_somebody_or_the_recorder() {
    for method in BOTH {
        Setting::sqlite()
            .method(method)
            .play(async |scene| {
                for agent in AGENTS {
                    scene.behave(
                        agent,
                        Behaviour::AnswersAfter { secs: 4, presses: Some("1".to_owned()), press_after_ms: 2500 },
                    );
                }
                let callers = add_customers(scene, 8);
                for caller in &callers {
                    scene.act(caller, PhoneAction::Dial { to: ACME.to_owned() }).await?;
                }
                let mut hung_up = vec![false; callers.len()];
                for _ in 0..160 {
                    scene.wait(1.0).await?;
                    for (place, caller) in callers.iter().enumerate() {
                        let met = scene.exchange.twilio.bridges().iter().any(|bridge| bridge.with.contains(caller));
                        if !hung_up[place] && (met || super::stage::is_recorded(scene, caller)) {
                            hung_up[place] = true;
                            hang_up(scene, caller).await?;
                        }
                    }
                }
                anyhow::ensure!(hung_up.iter().all(|done| *done), "somebody reached nobody: {hung_up:?}");
                Ok(())
            })
            .await;
    }
}

#[actix_web::test]
async fn two_talk_while_the_next_caller_rings_only_free_phones() {
    for method in BOTH {
        Setting::sqlite()
            .method(method)
            .play(async |scene| {
                scene.dial(JANE).await?;
                all_ring(scene).await?;
                accept(scene, PRIYA, JANE).await?;
                scene.wait(5.0).await?;
                scene.dial(BEN).await?;
                scene.wait_for("Sam's phone rings", 8, |scene| scene.is_ringing(SAM)).await?;
                anyhow::ensure!(scene.rings(PRIYA) == 1, "a phone in a call was rung");
                accept_and_talk(scene, SAM, BEN).await?;
                hang_up(scene, BEN).await?;
                hang_up(scene, JANE).await?;
                scene.wait(5.0).await?;
                // Both rest after a call; the next caller rings neither at once.
                scene.dial(OMAR).await?;
                scene.wait_for("Luis's phone rings", 8, |scene| scene.is_ringing(LUIS)).await?;
                anyhow::ensure!(
                    !scene.is_ringing(SAM) && !scene.is_ringing(PRIYA),
                    "an agent was rung within the cooldown"
                );
                hang_up(scene, OMAR).await?;
                scene.wait(5.0).await
            })
            .await;
    }
}
