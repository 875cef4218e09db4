//! An agent who saw a missed call dials the brand: nobody is rung for it, and they hear what became of the caller, or take
//! the call by a key.

use offhook::rules::RingMethod;
use offhook::sandbox::stories::{AGENTS, Scene};
use offhook::sandbox::twilio::PhoneAction;

use super::paths::is_over;
use super::stage::{
    ACME, JANE, PRIYA, SAM, Setting, accept, all_ring, hang_up, leave_message, meet, reach_recorder, watch,
};
use super::supervised::{events, get, newest_call};
use super::supervisor::{ask_for_code, choose, key_in};

async fn call_in(scene: &Scene, agent: &str) -> anyhow::Result<()> {
    scene.act(agent, PhoneAction::Dial { to: ACME.to_owned() }).await
}

/// Sam declines, and every other phone goes on ringing.
async fn ring_and_decline(scene: &Scene) -> anyhow::Result<()> {
    scene.dial(JANE).await?;
    all_ring(scene).await?;
    scene.act(SAM, PhoneAction::Decline).await?;
    scene.wait_for("Sam's phone is free", 5, |scene| !scene.is_ringing(SAM)).await?;
    scene.wait(1.0).await
}

#[actix_web::test]
async fn whoever_calls_in_while_the_caller_waits_takes_the_call_with_a_key() {
    for setting in [Setting::sqlite(), Setting::postgres()] {
        setting
            .play(async |scene| {
                ring_and_decline(scene).await?;
                call_in(scene, SAM).await?;
                scene.wait_for("the question", 5, |scene| scene.heard(SAM, "The caller is still waiting")).await?;
                scene.press(SAM, "1").await?;
                meet(scene, SAM, JANE).await?;
                watch(scene, 5).await?;
                anyhow::ensure!(!AGENTS.iter().any(|agent| scene.is_ringing(agent)), "a phone still rings");
                anyhow::ensure!(AGENTS.iter().all(|agent| scene.rings(agent) == 1), "the call in rang somebody");
                anyhow::ensure!(scene.assignee(JANE).as_deref() == Some("Sam Carter"), "{:?}", scene.assignee(JANE));
                anyhow::ensure!(scene.exchange.chatwoot.conversations().len() == 1, "the call in made a conversation");
                hang_up(scene, JANE).await?;
                scene.wait(8.0).await?;
                is_over(scene)
            })
            .await;
    }
}

#[actix_web::test]
async fn whoever_calls_in_afterwards_hears_what_became_of_the_caller() {
    Setting::sqlite()
        .play(async |scene| {
            scene.dial(JANE).await?;
            all_ring(scene).await?;
            accept(scene, PRIYA, JANE).await?;
            scene.wait(2.0).await?;
            call_in(scene, SAM).await?;
            scene.wait_for("who took it", 5, |scene| scene.heard(SAM, "Priya Nair took this call")).await?;
            hang_up(scene, JANE).await?;
            scene.wait(20.0).await?;
            call_in(scene, PRIYA).await?;
            scene.wait_for("their own", 5, |scene| scene.heard(PRIYA, "You took this call")).await?;
            scene.wait(5.0).await?;
            anyhow::ensure!(AGENTS.iter().all(|agent| scene.rings(agent) == 1), "the calls in rang somebody");
            is_over(scene)
        })
        .await;
    Setting::sqlite()
        .play(async |scene| {
            scene.dial(JANE).await?;
            reach_recorder(scene, JANE, 45).await?;
            call_in(scene, SAM).await?;
            scene.wait_for("the recorder", 5, |scene| scene.heard(SAM, "The caller is leaving a message")).await?;
            scene.wait(3.0).await?;
            leave_message(scene, JANE, "It is Jane.").await?;
            call_in(scene, PRIYA).await?;
            scene.wait_for("the message", 5, |scene| scene.heard(PRIYA, "The caller left a message")).await?;
            scene.wait(5.0).await?;
            anyhow::ensure!(scene.exchange.chatwoot.conversations().len() == 1, "a call in made a conversation");
            is_over(scene)
        })
        .await;
}

#[actix_web::test]
async fn of_one_who_calls_in_and_one_who_picks_up_the_first_has_the_call() {
    Setting::sqlite()
        .play(async |scene| {
            ring_and_decline(scene).await?;
            call_in(scene, SAM).await?;
            scene.wait_for("the question", 5, |scene| scene.heard(SAM, "The caller is still waiting")).await?;
            accept(scene, PRIYA, JANE).await?;
            scene.press(SAM, "1").await?;
            scene.wait_for("who took it", 5, |scene| scene.heard(SAM, "Priya Nair took this call")).await?;
            watch(scene, 5).await?;
            anyhow::ensure!(scene.talk(PRIYA, JANE), "Priya lost the caller");
            hang_up(scene, JANE).await?;
            scene.wait(10.0).await?;
            is_over(scene)
        })
        .await;
}

#[actix_web::test]
async fn a_caller_who_leaves_or_an_agent_who_says_nothing_changes_nothing() {
    Setting::sqlite()
        .play(async |scene| {
            ring_and_decline(scene).await?;
            call_in(scene, SAM).await?;
            scene.wait_for("the question", 5, |scene| scene.heard(SAM, "The caller is still waiting")).await?;
            hang_up(scene, JANE).await?;
            scene.wait(1.0).await?;
            scene.press(SAM, "1").await?;
            scene.wait_for("that they have gone", 5, |scene| scene.heard(SAM, "The caller has hung up")).await?;
            scene.wait(10.0).await?;
            is_over(scene)
        })
        .await;
    Setting::sqlite()
        .play(async |scene| {
            ring_and_decline(scene).await?;
            call_in(scene, SAM).await?;
            scene.wait_for("the question", 5, |scene| scene.heard(SAM, "The caller is still waiting")).await?;
            hang_up(scene, SAM).await?;
            scene.wait(2.0).await?;
            // Their phone is free again, and somebody else takes the call.
            accept(scene, PRIYA, JANE).await?;
            hang_up(scene, JANE).await?;
            scene.wait(20.0).await?;
            scene.dial(super::stage::OMAR).await?;
            scene.wait_for("Sam's phone rings", 8, |scene| scene.is_ringing(SAM)).await?;
            hang_up(scene, super::stage::OMAR).await?;
            scene.wait(10.0).await?;
            is_over(scene)
        })
        .await;
}

#[actix_web::test]
async fn under_a_simultaneous_dial_whoever_calls_in_is_told_that_the_caller_waits() {
    Setting::sqlite()
        .method(RingMethod::Dial)
        .play(async |scene| {
            ring_and_decline(scene).await?;
            call_in(scene, SAM).await?;
            scene.wait_for("that they wait", 5, |scene| scene.heard(SAM, "The caller is still waiting")).await?;
            accept(scene, PRIYA, JANE).await?;
            scene.wait(5.0).await?;
            hang_up(scene, JANE).await?;
            scene.wait(10.0).await?;
            is_over(scene)
        })
        .await;
}

fn no_phone_rang(scene: &Scene) -> anyhow::Result<()> {
    anyhow::ensure!(AGENTS.iter().all(|agent| scene.rings(agent) == 0), "an agent's own call rang the team");
    anyhow::ensure!(scene.exchange.chatwoot.conversations().is_empty(), "an agent's own call made a conversation");
    Ok(())
}

#[actix_web::test]
async fn an_agent_who_tries_the_line_from_their_own_phone_rings_nobody() {
    for method in [RingMethod::Legs, RingMethod::Dial] {
        Setting::sqlite()
            .method(method)
            .play(async |scene| {
                call_in(scene, SAM).await?;
                scene.wait_for("that none waits", 5, |scene| scene.heard(SAM, "No call is waiting for you")).await?;
                anyhow::ensure!(scene.heard(SAM, "call from a phone that is not an agent's"), "Sam is left to wonder");
                scene.wait(12.0).await?;
                no_phone_rang(scene)?;
                is_over(scene)
            })
            .await;
    }
}

#[actix_web::test]
async fn an_agent_who_is_a_supervisor_keys_a_code_in_from_their_own_phone() {
    Setting::sqlite()
        .supervised()
        .play(async |scene| {
            let code = super::supervised::draw_code(scene).await?;
            call_in(scene, SAM).await?;
            scene.wait(1.0).await?;
            key_in(scene, SAM, &code).await?;
            choose(scene, SAM, "1", "go to the operator line for one hour").await?;
            let on = get(scene, "/brands/acme-movers/override").await?["active"].clone();
            anyhow::ensure!(on["by"] == "supervisor:dana" && on["how"] == "keypad", "{on}");
            no_phone_rang(scene)?;
            is_over(scene)
        })
        .await;
}

#[actix_web::test]
async fn a_wrong_code_on_an_agents_own_phone_leads_to_no_ring() {
    Setting::sqlite()
        .supervised()
        .play(async |scene| {
            super::supervised::draw_code(scene).await?;
            call_in(scene, SAM).await?;
            scene.wait(1.0).await?;
            key_in(scene, SAM, "00000000").await?;
            scene.wait_for("nothing was changed", 10, |scene| scene.heard(SAM, "Nothing was changed")).await?;
            scene.wait(8.0).await?;
            no_phone_rang(scene)?;
            // One who hangs up at the prompt is no missed call.
            call_in(scene, PRIYA).await?;
            scene.wait(1.0).await?;
            ask_for_code(scene, PRIYA).await?;
            hang_up(scene, PRIYA).await?;
            scene.wait(20.0).await?;
            anyhow::ensure!(
                newest_call(scene).await?["ending"] == "supervisor",
                "{}",
                newest_call(scene).await?["ending"]
            );
            let tasks = get(scene, "/callback-tasks").await?;
            anyhow::ensure!(!tasks.to_string().contains(PRIYA), "an agent's own call is to be called back: {tasks}");
            no_phone_rang(scene)?;
            is_over(scene)
        })
        .await;
}

#[actix_web::test]
async fn a_supervisor_who_is_offered_the_waiting_caller_may_key_a_code_in_instead() {
    Setting::sqlite()
        .supervised()
        .play(async |scene| {
            let code = super::supervised::draw_code(scene).await?;
            ring_and_decline(scene).await?;
            call_in(scene, SAM).await?;
            scene.wait_for("the question", 5, |scene| scene.heard(SAM, "The caller is still waiting")).await?;
            key_in(scene, SAM, &code).await?;
            scene.wait_for("what to press", 5, |scene| scene.heard(SAM, "press 1 for one hour")).await?;
            scene.press(SAM, "2").await?;
            scene.wait_for("that it is on", 5, |scene| scene.heard(SAM, "operator line for 4 hours")).await?;
            // The caller is another agent's, and Sam's phone is free again.
            accept(scene, PRIYA, JANE).await?;
            scene.wait(8.0).await?;
            anyhow::ensure!(events(scene, "override_chosen").await?.len() == 1, "no override was chosen");
            hang_up(scene, JANE).await?;
            scene.wait(10.0).await?;
            is_over(scene)
        })
        .await;
}
