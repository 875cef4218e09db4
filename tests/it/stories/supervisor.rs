//! Overrides, from a screen and from a keypad: who is rung then, when they end, and what wrong codes lead to.

use offhook::sandbox::stories::{AGENTS, Scene};
use offhook::sandbox::twilio::{Behaviour, PhoneAction, PhoneKind};
use reqwest::Method;
use serde_json::json;

use super::stage::{
    BEN, JANE, OMAR, PRIYA, RUTH, SAM, Setting, accept, all_ring, hang_up, meet, none_rings, reach_recorder,
};
use super::supervised::{OPERATOR, ask, banners, begin_override, draw_code, events, get, newest_call, place_operator};

pub async fn operator_rings(scene: &Scene) -> anyhow::Result<()> {
    scene.wait_for("the operator's phone rings", 10, |scene| scene.is_ringing(OPERATOR)).await
}

pub async fn operator_takes(scene: &Scene, caller: &str) -> anyhow::Result<()> {
    operator_rings(scene).await?;
    scene.act(OPERATOR, PhoneAction::Answer).await?;
    scene.wait(1.0).await?;
    scene.press(OPERATOR, "1").await?;
    meet(scene, OPERATOR, caller).await
}

/// Presses the supervisor's key and waits for the prompt.
pub async fn ask_for_code(scene: &Scene, caller: &str) -> anyhow::Result<()> {
    let asked =
        |scene: &Scene| scene.exchange.twilio.heard(caller).iter().filter(|it| it.contains("pound key")).count();
    let before = asked(scene);
    scene.press(caller, "*").await?;
    scene.wait_for("the prompt for a code", 5, |scene| asked(scene) > before).await
}

pub async fn key_in(scene: &Scene, caller: &str, code: &str) -> anyhow::Result<()> {
    ask_for_code(scene, caller).await?;
    scene.wait(2.0).await?;
    scene.press(caller, &format!("{code}#")).await?;
    scene.wait(0.5).await
}

/// Nobody talks to a supervisor.
pub async fn choose(scene: &Scene, caller: &str, key: &str, words: &str) -> anyhow::Result<()> {
    scene.wait_for("what to press", 5, |scene| scene.heard(caller, "press 1 for one hour")).await?;
    scene.press(caller, key).await?;
    scene.wait_for(words, 5, |scene| scene.heard(caller, words)).await?;
    scene.wait(8.0).await?;
    let call = newest_call(scene).await?;
    anyhow::ensure!(call["ending"] == "supervisor", "the ending is {}", call["ending"]);
    Ok(())
}

/// Waits in the queue until its document listens.
pub async fn wait_in_queue(scene: &Scene, caller: &str) -> anyhow::Result<()> {
    scene.wait_for("ringback in the queue", 15, |scene| scene.heard(caller, "ringback")).await
}

#[actix_web::test]
async fn an_override_from_the_screen_sends_calls_to_the_operator_who_confirms() {
    Setting::sqlite()
        .supervised()
        .play(async |scene| {
            place_operator(scene);
            let on = begin_override(scene, json!({})).await?;
            anyhow::ensure!(
                on["how"] == "api" && on["by"].as_str().is_some_and(|by| by.starts_with("operator ")),
                "{on}"
            );
            anyhow::ensure!(banners(scene).await?.contains(&"override_on".to_owned()), "no banner");
            scene.dial(JANE).await?;
            operator_takes(scene, JANE).await?;
            anyhow::ensure!(scene.heard(OPERATOR, "Acme Movers"), "the operator does not know whom they answer for");
            hang_up(scene, JANE).await?;
            scene.wait(10.0).await?;
            anyhow::ensure!(AGENTS.iter().all(|agent| scene.rings(agent) == 0), "an agent was rung during an override");
            anyhow::ensure!(
                newest_call(scene).await?["ending"] == "redirected",
                "{}",
                newest_call(scene).await?["ending"]
            );
            anyhow::ensure!(events(scene, "found_overridden").await?.len() == 1, "the history does not say why");
            let (status, off) = ask(scene, Method::DELETE, "/brands/acme-movers/override", None).await?;
            anyhow::ensure!(status == 200 && off["ended_at"].is_string(), "{status} {off}");
            scene.dial(OMAR).await?;
            all_ring(scene).await?;
            hang_up(scene, OMAR).await
        })
        .await;
}

#[actix_web::test]
async fn the_operators_voicemail_swallows_nobody() {
    Setting::sqlite()
        .supervised()
        .play(async |scene| {
            place_operator(scene);
            begin_override(scene, json!({})).await?;
            scene.dial(JANE).await?;
            operator_rings(scene).await?;
            scene.act(OPERATOR, PhoneAction::Voicemail).await?;
            scene.wait_for("the team's phones ring", 30, |scene| scene.is_ringing(PRIYA)).await?;
            accept(scene, PRIYA, JANE).await?;
            hang_up(scene, JANE).await?;
            scene.wait(10.0).await
        })
        .await;
}

#[actix_web::test]
async fn an_override_ends_by_itself_and_the_history_keeps_it() {
    Setting::sqlite()
        .supervised()
        .play(async |scene| {
            place_operator(scene);
            begin_override(scene, json!({ "duration_s": 300 })).await?;
            scene.wait(301.0).await?;
            scene.dial(JANE).await?;
            all_ring(scene).await?;
            hang_up(scene, JANE).await?;
            anyhow::ensure!(scene.rings(OPERATOR) == 0, "the operator was rung after the end");
            anyhow::ensure!(get(scene, "/brands/acme-movers/override").await?["active"].is_null(), "it is still on");
            let history = get(scene, "/brands/acme-movers/overrides").await?;
            anyhow::ensure!(history[0]["ended_by"] == "time" && history[0]["reason"].is_string(), "{history}");
            Ok(())
        })
        .await;
}

#[actix_web::test]
async fn callers_who_wait_are_taken_along_when_that_is_asked_for() {
    Setting::sqlite()
        .supervised()
        .play(async |scene| {
            place_operator(scene);
            scene.dial(JANE).await?;
            all_ring(scene).await?;
            wait_in_queue(scene, JANE).await?;
            begin_override(scene, json!({ "include_waiting": true })).await?;
            none_rings(scene, 5).await?;
            operator_takes(scene, JANE).await?;
            hang_up(scene, JANE).await?;
            scene.wait(10.0).await
        })
        .await;
}

#[actix_web::test]
async fn a_supervisor_keys_in_an_override_and_ends_it_again() {
    Setting::sqlite()
        .supervised()
        .play(async |scene| {
            place_operator(scene);
            let code = draw_code(scene).await?;
            scene.dial(RUTH).await?;
            scene.wait(2.0).await?;
            key_in(scene, RUTH, &code).await?;
            choose(scene, RUTH, "2", "go to the operator line for 4 hours").await?;
            anyhow::ensure!(AGENTS.iter().all(|agent| !scene.is_ringing(agent)), "a supervisor's call rings somebody");
            let on = get(scene, "/brands/acme-movers/override").await?["active"].clone();
            anyhow::ensure!(on["by"] == "supervisor:dana" && on["how"] == "keypad", "{on}");
            // A person reads the banner: a name, and the brand's clocks.
            let told = get(scene, "/banners").await?.to_string();
            anyhow::ensure!(told.contains("Turned on by Dana Reyes") && told.contains("New York time"), "{told}");
            // Also while it is on the first document listens.
            scene.dial(JANE).await?;
            operator_takes(scene, JANE).await?;
            hang_up(scene, JANE).await?;
            scene.dial(RUTH).await?;
            scene.wait(1.0).await?;
            key_in(scene, RUTH, &code).await?;
            choose(scene, RUTH, "3", "go to the team again").await?;
            anyhow::ensure!(get(scene, "/brands/acme-movers/override").await?["active"].is_null(), "it is still on");
            scene.dial(OMAR).await?;
            all_ring(scene).await?;
            hang_up(scene, OMAR).await
        })
        .await;
}

#[actix_web::test]
async fn a_wrong_code_leads_back_to_the_queue_where_the_phones_still_ring() {
    Setting::sqlite()
        .supervised()
        .play(async |scene| {
            draw_code(scene).await?;
            scene.dial(JANE).await?;
            all_ring(scene).await?;
            wait_in_queue(scene, JANE).await?;
            key_in(scene, JANE, "00000000").await?;
            anyhow::ensure!(AGENTS.iter().all(|agent| scene.is_ringing(agent)), "the phones stopped");
            let ends = events(scene, "code_ended").await?;
            anyhow::ensure!(ends.len() == 1 && ends[0]["how"] == "wrong", "{ends:?}");
            // Said in the app and in the audit, long before the keypad is locked.
            anyhow::ensure!(banners(scene).await?.contains(&"codes_wrong".to_owned()), "no banner");
            let audit = get(scene, "/audit").await?.to_string();
            anyhow::ensure!(audit.contains("supervisor_code_wrong"), "the audit does not say so: {audit}");
            accept(scene, SAM, JANE).await?;
            hang_up(scene, JANE).await?;
            scene.wait(10.0).await
        })
        .await;
}

#[actix_web::test]
async fn the_ring_clock_stops_while_a_code_is_typed() {
    Setting::sqlite()
        .supervised()
        .play(async |scene| {
            draw_code(scene).await?;
            scene.dial(JANE).await?;
            all_ring(scene).await?;
            wait_in_queue(scene, JANE).await?;
            scene.wait(8.0).await?;
            ask_for_code(scene, JANE).await?;
            for key in "0000".chars() {
                scene.wait(4.0).await?;
                scene.press(JANE, &key.to_string()).await?;
            }
            scene.press(JANE, "0#").await?;
            scene.wait(3.0).await?;
            // Past the brand's 25 s by the clock on the wall.
            anyhow::ensure!(!super::stage::is_recorded(scene, JANE), "the clock went on");
            anyhow::ensure!(AGENTS.iter().all(|agent| scene.is_ringing(agent)), "the phones stopped meanwhile");
            let closed = events(scene, "leg_closed").await?;
            anyhow::ensure!(closed.is_empty(), "legs were given up while the clock stood: {closed:?}");
            reach_recorder(scene, JANE, 40).await?;
            none_rings(scene, 1).await?;
            hang_up(scene, JANE).await?;
            scene.wait(30.0).await
        })
        .await;
}

#[actix_web::test]
async fn an_agent_takes_the_call_past_the_deadline_that_a_wrong_code_put_off() {
    Setting::sqlite()
        .supervised()
        .play(async |scene| {
            draw_code(scene).await?;
            scene.dial(JANE).await?;
            all_ring(scene).await?;
            wait_in_queue(scene, JANE).await?;
            scene.wait(12.0).await?;
            ask_for_code(scene, JANE).await?;
            scene.wait(4.0).await?;
            for keys in ["000", "000", "00#"] {
                scene.press(JANE, keys).await?;
                scene.wait(3.0).await?;
            }
            accept(scene, SAM, JANE).await?;
            hang_up(scene, JANE).await?;
            scene.wait(10.0).await
        })
        .await;
}

#[actix_web::test]
async fn a_wrong_code_cuts_no_ring_short_though_a_slow_line_comes_after_it() {
    Setting::sqlite()
        .supervised()
        .routing(
            "ring_s = 20\n\n[brand.hours]",
            "ring_s = 60\n\n[brand.fallback]\npath = \"operator\"\n\n[brand.hours]",
        )
        .play(async |scene| {
            place_operator(scene);
            draw_code(scene).await?;
            scene.dial(JANE).await?;
            all_ring(scene).await?;
            wait_in_queue(scene, JANE).await?;
            key_in(scene, JANE, "00000000").await?;
            scene.wait(12.0).await?;
            anyhow::ensure!(AGENTS.iter().all(|agent| scene.is_ringing(agent)), "the phones stopped before their time");
            accept(scene, SAM, JANE).await?;
            hang_up(scene, JANE).await?;
            scene.wait(10.0).await
        })
        .await;
}

#[actix_web::test]
async fn an_agent_who_accepts_meanwhile_gets_the_caller_out_of_the_prompt() {
    Setting::sqlite()
        .supervised()
        .play(async |scene| {
            draw_code(scene).await?;
            scene.dial(JANE).await?;
            all_ring(scene).await?;
            wait_in_queue(scene, JANE).await?;
            ask_for_code(scene, JANE).await?;
            accept(scene, SAM, JANE).await?;
            hang_up(scene, JANE).await?;
            scene.wait(10.0).await
        })
        .await;
}

#[actix_web::test]
async fn a_code_is_keyed_in_though_nobody_could_be_rung() {
    Setting::sqlite()
        .supervised()
        .routing("tue = [\"08:00-18:00\"]", "tue = [\"14:00-18:00\"]")
        .play(async |scene| {
            let code = draw_code(scene).await?;
            scene.dial(RUTH).await?;
            scene.wait(1.0).await?;
            key_in(scene, RUTH, &code).await?;
            choose(scene, RUTH, "1", "go to the operator line for one hour").await
        })
        .await;
}

#[actix_web::test]
async fn a_supervisor_who_hangs_up_or_chooses_nothing_changes_nothing() {
    Setting::sqlite()
        .supervised()
        .play(async |scene| {
            let code = draw_code(scene).await?;
            scene.dial(RUTH).await?;
            scene.wait(2.0).await?;
            ask_for_code(scene, RUTH).await?;
            hang_up(scene, RUTH).await?;
            scene.wait(15.0).await?;
            anyhow::ensure!(newest_call(scene).await?["ending"] == "abandoned", "{}", newest_call(scene).await?);
            scene.dial(RUTH).await?;
            scene.wait(2.0).await?;
            key_in(scene, RUTH, &code).await?;
            scene.wait_for("nothing was changed", 90, |scene| scene.heard(RUTH, "Nothing was changed")).await?;
            scene.wait(10.0).await?;
            anyhow::ensure!(newest_call(scene).await?["ending"] == "supervisor", "{}", newest_call(scene).await?);
            anyhow::ensure!(get(scene, "/brands/acme-movers/override").await?["active"].is_null(), "something is on");
            Ok(())
        })
        .await;
}

#[actix_web::test]
async fn a_restart_in_the_middle_of_a_code_costs_nothing() {
    Setting::sqlite()
        .supervised()
        .play(async |scene| {
            let code = draw_code(scene).await?;
            scene.dial(RUTH).await?;
            all_ring(scene).await?;
            wait_in_queue(scene, RUTH).await?;
            ask_for_code(scene, RUTH).await?;
            scene.exchange.restart_service().await?;
            scene.press(RUTH, &format!("{code}#")).await?;
            scene.wait(0.5).await?;
            scene.exchange.restart_service().await?;
            choose(scene, RUTH, "1", "go to the operator line for one hour").await
        })
        .await;
}

#[actix_web::test]
async fn guessing_locks_the_keypad_and_never_the_screen() {
    Setting::sqlite()
        .supervised()
        .play(async |scene| {
            let code = draw_code(scene).await?;
            // Twenty tries: three on a first call, two on a second, from each of four numbers.
            for caller in [JANE, OMAR, RUTH, BEN] {
                for tries in [3, 2] {
                    scene.dial(caller).await?;
                    scene.wait(2.0).await?;
                    for _ in 0..tries {
                        key_in(scene, caller, "00000000").await?;
                        scene.wait(1.0).await?;
                    }
                    hang_up(scene, caller).await?;
                    scene.wait(5.0).await?;
                }
            }
            let keypad = get(scene, "/supervisors").await?;
            anyhow::ensure!(keypad["tries"] == 20 && keypad["locked_until"].is_string(), "{keypad}");
            anyhow::ensure!(banners(scene).await?.contains(&"codes_locked".to_owned()), "no banner");
            scene.exchange.twilio.add_phone("+15550100042", "Dana", PhoneKind::Customer, Behaviour::Manual);
            scene.dial("+15550100042").await?;
            scene.wait(2.0).await?;
            key_in(scene, "+15550100042", &code).await?;
            let ends = events(scene, "code_ended").await?;
            anyhow::ensure!(ends.len() == 1 && ends[0]["how"] == "refused", "the lock did not hold: {ends:?}");
            hang_up(scene, "+15550100042").await?;
            begin_override(scene, json!({})).await?;
            Ok(())
        })
        .await;
}

#[actix_web::test]
async fn the_fourth_code_of_a_call_is_not_asked_for() {
    Setting::sqlite()
        .supervised()
        .play(async |scene| {
            draw_code(scene).await?;
            scene.dial(JANE).await?;
            all_ring(scene).await?;
            wait_in_queue(scene, JANE).await?;
            for _ in 0..3 {
                key_in(scene, JANE, "00000000").await?;
                scene.wait(0.5).await?;
            }
            scene.press(JANE, "*").await?;
            scene.wait(2.0).await?;
            anyhow::ensure!(events(scene, "code_asked").await?.len() == 3, "a fourth code was asked for");
            accept(scene, SAM, JANE).await?;
            hang_up(scene, JANE).await?;
            scene.wait(10.0).await
        })
        .await;
}

#[actix_web::test]
async fn a_code_of_yesterday_and_of_a_supervisor_who_left_opens_nothing() {
    Setting::sqlite()
        .supervised()
        .play(async |scene| {
            let old = draw_code(scene).await?;
            draw_code(scene).await?;
            scene.dial(RUTH).await?;
            scene.wait(2.0).await?;
            key_in(scene, RUTH, &old).await?;
            let ends = events(scene, "code_ended").await?;
            anyhow::ensure!(ends[0]["how"] == "wrong", "a code that was replaced opens: {ends:?}");
            hang_up(scene, RUTH).await?;
            let (status, _) = ask(scene, Method::DELETE, "/supervisors/dana/code", None).await?;
            anyhow::ensure!(status == 204, "{status}");
            let (status, _) = ask(scene, Method::POST, "/supervisors/nobody/code", None).await?;
            anyhow::ensure!(status == 404, "{status}");
            Ok(())
        })
        .await;
}

#[actix_web::test]
async fn bad_switches_are_refused_by_field() {
    Setting::sqlite()
        .supervised()
        .play(async |scene| {
            let long = "x".repeat(201);
            for (path, body, status, pointer) in [
                ("/brands/acme-movers/override", json!({}), 422, Some("/reason")),
                ("/brands/acme-movers/override", json!({ "reason": long }), 422, Some("/reason")),
                ("/brands/acme-movers/override", json!({ "reason": "x", "duration_s": 299 }), 422, Some("/duration_s")),
                (
                    "/brands/acme-movers/override",
                    json!({ "reason": "x", "duration_s": 86_401 }),
                    422,
                    Some("/duration_s"),
                ),
                ("/brands/acme-movers/override", json!({ "reason": "x", "until": 7 }), 400, None),
                (
                    "/brands/acme-movers/flood",
                    json!({ "reason": "x", "include_waiting": true }),
                    422,
                    Some("/include_waiting"),
                ),
                ("/brands/nobody/override", json!({ "reason": "x" }), 404, None),
                ("/brands/harbour-storage/override", json!({ "reason": "x" }), 409, None),
            ] {
                let (found, problem) = ask(scene, Method::POST, path, Some(body.clone())).await?;
                anyhow::ensure!(found == status, "{path} {body}: {found} {problem}");
                let names = |pointer| {
                    problem["errors"].as_array().is_some_and(|all| all.iter().any(|it| it["pointer"] == pointer))
                };
                anyhow::ensure!(pointer.is_none_or(names), "{path} {body}: {problem}");
            }
            let (status, _) = ask(scene, Method::DELETE, "/brands/acme-movers/override", None).await?;
            anyhow::ensure!(status == 404, "{status}");
            Ok(())
        })
        .await;
}
