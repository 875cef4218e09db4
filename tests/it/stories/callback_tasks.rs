//! Whom the team owes a call: opened by a miss, joined by the next, closed by an answer or by hand.

use offhook::sandbox::stories::{ACME, Scene};
use offhook::sandbox::twilio::PhoneAction;
use reqwest::Method;
use serde_json::{Value, json};

use super::chatwoot_people::ask;
use super::paths::times_heard;
use super::stage::{JANE, OMAR, PRIYA, Setting, accept, all_ring, hang_up, leave_message, reach_recorder};

/// Tuesday, 11 in the morning; promised by noon of the next business day.
const DUE: &str = "2026-11-25T17:00:00Z";

fn promising(more: &str) -> Setting {
    let promise = format!("[brand.promise]\nnext_business_day = \"12:00\"\n{more}\n[brand.voicemail]\n");
    Setting::sqlite().routing("[brand.voicemail]\n", &promise)
}

async fn tasks(scene: &Scene, query: &str) -> anyhow::Result<Vec<Value>> {
    let (status, body) = ask(scene, Method::GET, &format!("/callback-tasks{query}"), None).await?;
    anyhow::ensure!(status == 200, "{status}: {body}");
    Ok(body.as_array().unwrap().clone())
}

async fn voicemail(scene: &Scene, caller: &str) -> anyhow::Result<()> {
    scene.dial(caller).await?;
    reach_recorder(scene, caller, 45).await?;
    leave_message(scene, caller, "Please call me back.").await
}

async fn miss(scene: &Scene, caller: &str) -> anyhow::Result<()> {
    scene.dial(caller).await?;
    reach_recorder(scene, caller, 45).await?;
    hang_up(scene, caller).await?;
    scene.wait(150.0).await
}

#[actix_web::test]
async fn a_voicemail_opens_a_task_that_the_next_miss_joins_and_an_answer_closes() {
    promising("")
        .play(async |scene| {
            voicemail(scene, JANE).await?;
            let open = tasks(scene, "").await?;
            anyhow::ensure!(open.len() == 1, "{open:?}");
            let task = &open[0];
            let is_right = task["caller"] == JANE
                && task["brand"] == "acme-movers"
                && task["due_at"] == DUE
                && task["missed_calls"] == 1
                && task["can_call_back"] == true
                && task["closed_at"].is_null();
            anyhow::ensure!(is_right, "{task}");

            scene.wait(600.0).await?;
            miss(scene, JANE).await?;
            let joined = tasks(scene, "?brand=acme-movers&state=open").await?;
            anyhow::ensure!(joined.len() == 1 && joined[0]["id"] == task["id"], "{joined:?}");
            let is_joined = joined[0]["missed_calls"] == 2
                && joined[0]["due_at"] == DUE
                && joined[0]["last_call"] != task["last_call"];
            anyhow::ensure!(is_joined, "{}", joined[0]);
            anyhow::ensure!(tasks(scene, "?brand=harbour-storage").await?.is_empty(), "another brand owes it");

            scene.exchange.restart_service().await?;
            anyhow::ensure!(tasks(scene, "").await? == joined, "the restart lost something");

            scene.wait(600.0).await?;
            scene.dial(JANE).await?;
            all_ring(scene).await?;
            accept(scene, PRIYA, JANE).await?;
            anyhow::ensure!(tasks(scene, "").await?.is_empty(), "it is open while they talk");
            hang_up(scene, JANE).await?;
            scene.wait(5.0).await?;
            let closed = tasks(scene, "?state=closed").await?;
            anyhow::ensure!(closed.len() == 1 && closed[0]["id"] == task["id"], "{closed:?}");
            let is_answered = closed[0]["closed_how"] == "answered" && closed[0]["closing_call"].is_string();
            anyhow::ensure!(is_answered, "{}", closed[0]);

            // The next miss is a new debt.
            miss(scene, JANE).await?;
            let again = tasks(scene, "").await?;
            anyhow::ensure!(again.len() == 1 && again[0]["id"] != task["id"], "{again:?}");
            Ok(())
        })
        .await;
}

#[actix_web::test]
async fn a_caller_who_gives_up_waiting_and_one_who_is_answered_are_owed_nothing() {
    promising("")
        .play(async |scene| {
            scene.dial(JANE).await?;
            all_ring(scene).await?;
            hang_up(scene, JANE).await?;
            scene.dial(OMAR).await?;
            all_ring(scene).await?;
            accept(scene, PRIYA, OMAR).await?;
            hang_up(scene, OMAR).await?;
            scene.wait(20.0).await?;
            anyhow::ensure!(tasks(scene, "").await?.is_empty() && tasks(scene, "?state=closed").await?.is_empty());
            Ok(())
        })
        .await;
}

#[actix_web::test]
async fn withheld_callers_have_a_task_for_each_call_that_cannot_be_returned() {
    promising("")
        .play(async |scene| {
            for caller in [JANE, OMAR] {
                scene.act(caller, PhoneAction::DialWithheld { to: ACME.to_owned() }).await?;
                reach_recorder(scene, caller, 45).await?;
                leave_message(scene, caller, "Guess who.").await?;
            }
            let open = tasks(scene, "").await?;
            anyhow::ensure!(open.len() == 2, "{open:?}");
            let are_nobodys = open.iter().all(|task| task["can_call_back"] == false && task["caller"].is_null());
            anyhow::ensure!(are_nobodys, "{open:?}");
            Ok(())
        })
        .await;
}

#[actix_web::test]
async fn a_task_is_closed_by_hand_once_with_a_reason() {
    // A brand that promises nothing owes the call all the same.
    Setting::sqlite()
        .play(async |scene| {
            voicemail(scene, JANE).await?;
            let open = tasks(scene, "").await?;
            anyhow::ensure!(open.len() == 1 && open[0]["due_at"].is_null(), "{open:?}");
            let path = format!("/callback-tasks/{}/close", open[0]["id"].as_str().unwrap());
            let close = async |path: &str, body: Option<Value>| ask(scene, Method::POST, path, body).await;
            let (status, problem) = close(&path, Some(json!({ "reason": "  " }))).await?;
            anyhow::ensure!(status == 422 && problem["errors"][0]["pointer"] == "/reason", "{status} {problem}");
            for body in [None, Some(json!({})), Some(json!({ "reason": "x", "by": "y" }))] {
                let (status, problem) = close(&path, body).await?;
                anyhow::ensure!(status == 400, "{status} {problem}");
            }
            let nobodys = "/callback-tasks/00000000-0000-7000-8000-000000000000/close";
            let (status, _) = close(nobodys, Some(json!({ "reason": "x" }))).await?;
            anyhow::ensure!(status == 404, "{status}");
            let (status, task) = close(&path, Some(json!({ "reason": "She wrote an e-mail." }))).await?;
            let is_closed = task["closed_how"] == "by_hand" && task["closed_reason"] == "She wrote an e-mail.";
            anyhow::ensure!(status == 200 && is_closed, "{status} {task}");
            let (status, _) = close(&path, Some(json!({ "reason": "Twice." }))).await?;
            anyhow::ensure!(status == 409, "{status}");
            anyhow::ensure!(tasks(scene, "").await?.is_empty());
            let (_, audit) = ask(scene, Method::GET, "/audit", None).await?;
            let lines: Vec<&Value> = audit.as_array().into_iter().flatten().collect();
            let mine: Vec<_> = lines.iter().filter(|line| line["action"] == "callback_task_closed").collect();
            let subject = format!("callback-tasks/{}", task["id"].as_str().unwrap_or_default().replace('-', ""));
            anyhow::ensure!(mine.len() == 1 && mine[0]["subject"] == subject.as_str(), "the audit says {lines:?}");
            anyhow::ensure!(mine[0]["by"].as_str().is_some_and(|by| !by.is_empty()), "nobody did it: {}", mine[0]);
            for query in ["?state=late", "?colour=red", "?after=5"] {
                let (status, problem) = ask(scene, Method::GET, &format!("/callback-tasks{query}"), None).await?;
                anyhow::ensure!(status == 400 && problem["type"].is_string(), "{query}: {status} {problem}");
            }
            Ok(())
        })
        .await;
}

#[actix_web::test]
async fn the_promise_that_is_spoken_is_the_one_that_is_kept() {
    promising("spoken = true\n")
        .routing("callback_promise = \"We call back by noon of the next working day.\"\n", "")
        .play(async |scene| {
            scene.dial(JANE).await?;
            reach_recorder(scene, JANE, 45).await?;
            scene.act(JANE, PhoneAction::SpeakFor { text: "Please call me.".to_owned(), secs: 5 }).await?;
            scene.wait(6.0).await?;
            scene.press(JANE, "#").await?;
            scene.wait_for("the promise", 20, |scene| scene.heard(JANE, "call you back tomorrow by noon")).await?;
            scene.wait(30.0).await?;
            anyhow::ensure!(tasks(scene, "").await?[0]["due_at"] == DUE);
            let said = times_heard(scene, JANE, "call you back");
            anyhow::ensure!(said == 1, "it was promised {said} times");
            Ok(())
        })
        .await;
}

const NO_OWN_WORDS: (&str, &str) = ("callback_promise = \"We call back by noon of the next working day.\"\n", "");

#[actix_web::test]
async fn who_hangs_up_after_speaking_has_heard_the_promise_unless_it_is_not_to_be_spoken() {
    for (spoken, said) in [("true", 1), ("false", 0)] {
        promising(&format!("spoken = {spoken}\n"))
            .routing(NO_OWN_WORDS.0, NO_OWN_WORDS.1)
            .play(async |scene| {
                voicemail(scene, JANE).await?;
                let times = times_heard(scene, JANE, "We will call you back tomorrow by noon, Eastern time.");
                anyhow::ensure!(times == said, "spoken = {spoken}: it was promised {times} times");
                anyhow::ensure!(tasks(scene, "").await?[0]["due_at"] == DUE);
                Ok(())
            })
            .await;
    }
}

#[actix_web::test]
async fn a_withheld_caller_whom_nobody_can_call_back_is_promised_nothing() {
    for promising in [promising(""), Setting::sqlite()] {
        promising
            .play(async |scene| {
                scene.act(JANE, PhoneAction::DialWithheld { to: ACME.to_owned() }).await?;
                reach_recorder(scene, JANE, 45).await?;
                scene.act(JANE, PhoneAction::SpeakFor { text: "Guess who.".to_owned(), secs: 5 }).await?;
                scene.wait(6.0).await?;
                scene.press(JANE, "#").await?;
                scene.wait_for("the thanks", 20, |scene| scene.heard(JANE, "Thank you. Goodbye.")).await?;
                scene.wait(30.0).await?;
                let heard = scene.exchange.twilio.heard(JANE);
                anyhow::ensure!(!heard.iter().any(|words| words.contains("call back")), "promised: {heard:?}");
                anyhow::ensure!(tasks(scene, "").await?[0]["can_call_back"] == false);
                Ok(())
            })
            .await;
    }
}

#[actix_web::test]
async fn whoever_hears_a_message_and_is_owed_a_call_hears_when_and_need_not_call_again() {
    let own = "words = \"Everybody is on the road.\"";
    for (words, said) in
        [(own, "Everybody is on the road. We will call you back tomorrow by noon, Eastern time."), ("", "")]
    {
        promising(&format!("[brand.fallback]\npath = \"message\"\n{words}"))
            .routing(NO_OWN_WORDS.0, NO_OWN_WORDS.1)
            .play(async |scene| {
                scene.dial(JANE).await?;
                let promise = "We will call you back tomorrow by noon, Eastern time.";
                scene.wait_for("the promise", 45, |scene| scene.heard(JANE, promise)).await?;
                scene.wait(20.0).await?;
                let heard = scene.exchange.twilio.heard(JANE);
                anyhow::ensure!(scene.heard(JANE, said), "the caller heard {heard:?}");
                anyhow::ensure!(!scene.heard(JANE, "call again"), "the caller heard {heard:?}");
                anyhow::ensure!(tasks(scene, "").await?[0]["due_at"] == DUE);
                Ok(())
            })
            .await;
    }
}
