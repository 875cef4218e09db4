//! Nothing personal and nothing secret in logs, figures and error bodies. Source: THREATS.md T-26.

use chrono::TimeDelta;
use offhook::sandbox::chatwoot::State;
use offhook::sandbox::stories::{ACME, AGENTS, JANE, OMAR, PRIYA};
use offhook::sandbox::twilio::PhoneAction;
use reqwest::header::CONTENT_TYPE;

use crate::exchange::process::{Running, serve_on};
use crate::exchange::town::{OPERATOR_TOKEN, Plan, Town};

const WORDS: &str = "The canary sings at Zanzibar Lane 4711047110.";

/// Strings that may appear nowhere, in the forms in which they could.
fn canaries(town: &Town) -> Vec<String> {
    let mut canaries: Vec<String> =
        [JANE, OMAR].iter().chain(AGENTS.iter()).map(|number| number.trim_start_matches('+').to_owned()).collect();
    canaries.extend(["Jane Doe", "Zanzibar", "4711047110", "Digits", OPERATOR_TOKEN].map(str::to_owned));
    canaries.extend(town.rules.agents.iter().map(|agent| agent.name.clone()));
    canaries.extend(town.rules.agents.iter().filter_map(|agent| agent.email.clone()));
    canaries.extend([town.twilio.auth_token(), town.chatwoot.admin_token(), town.chatwoot.agent_token()]);
    let webhook = format!("http://{}/chatwoot/webhook", town.address);
    canaries.extend(town.chatwoot.webhook_secret(&webhook));
    canaries
}

async fn wait(town: &Town, seconds: i64) {
    town.advance(TimeDelta::seconds(seconds), TimeDelta::milliseconds(500)).await;
}

/// One call is answered, one leaves a message, both neighbours fail for a while.
async fn play(town: &Town) {
    // What cannot be reached is complained of by its address, which may name a caller.
    town.chatwoot.set_state(State::Down);
    assert!(town.act(JANE, PhoneAction::Dial { to: ACME.to_owned() }).await);
    wait(town, 4).await;
    town.chatwoot.set_state(State::TooMany);
    assert!(town.act(PRIYA, PhoneAction::Answer).await);
    wait(town, 1).await;
    assert!(town.act(PRIYA, PhoneAction::Keys("1".to_owned())).await);
    wait(town, 5).await;
    assert!(town.talk_since(PRIYA, JANE).is_some());
    town.chatwoot.set_state(State::Broken);
    assert!(town.act(JANE, PhoneAction::HangUp).await);
    wait(town, 5).await;
    town.chatwoot.set_state(State::Ok);
    town.twilio.set_switches(&serde_json::json!({ "rest": "500" })).expect("a switch");
    assert!(town.act(OMAR, PhoneAction::Dial { to: ACME.to_owned() }).await);
    wait(town, 4).await;
    town.twilio.set_switches(&serde_json::json!({ "rest": "down" })).expect("a switch");
    wait(town, 8).await;
    town.twilio.set_switches(&serde_json::json!({ "rest": "ok" })).expect("a switch");
    for _ in 0..120 {
        if town.look_at(OMAR).1 == "speech" {
            break;
        }
        wait(town, 1).await;
    }
    assert!(town.act(OMAR, PhoneAction::SpeakFor { text: WORDS.to_owned(), secs: 5 }).await);
    wait(town, 6).await;
    assert!(town.act(OMAR, PhoneAction::HangUp).await);
    wait(town, 400).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_personal_and_nothing_secret_is_logged_counted_or_shown_in_an_error() {
    let town = Town::open(Plan::manual()).await;
    town.import();
    let mut command = serve_on(&town.listener, town.folder());
    command.env("OFFHOOK_TEST_CLOCK", town.now().to_rfc3339()).env("RUST_LOG", "trace");
    // What the program says of its own faults may quote what it had in hand.
    command.env("OFFHOOK_TEST_CRASH_AT", "panic:outbox.after_settle");
    let service = Running::start(command);
    play(&town).await;
    let inbox = town.chatwoot.conversations();
    let says = |words: &str| {
        inbox
            .iter()
            .flat_map(|one| &one.messages)
            .any(|message| message.content.as_deref().is_some_and(|it| it.contains(words)))
    };
    assert!(says("Zanzibar"), "the transcript is not in the inbox: the test proves nothing");

    let mut shown = vec![("/metrics".to_owned(), town.get("/metrics").await.1)];
    for path in ["/readyz", "/api/v1/calls", "/api/v1/nothing", "/nothing/15550100001"] {
        shown.push((path.to_owned(), town.get(path).await.1));
    }
    let form = format!("From=%2B{0}&Digits=4711047110&CallSid=CA{1}", JANE.trim_start_matches('+'), "0".repeat(32));
    for path in ["/twilio/voice", "/twilio/accept", "/chatwoot/webhook", "/api/v1/calls"] {
        let asked = town
            .http
            .post(format!("http://{}{path}", town.address))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let reply = asked
            .header("Authorization", format!("Bearer {}", town.chatwoot.admin_token()))
            .body(form.clone())
            .send()
            .await;
        shown.push((path.to_owned(), reply.expect("an answer").text().await.expect("a body")));
    }
    drop(service);
    let log = std::fs::read_to_string(town.path("log")).expect("a log");
    assert!(log.lines().count() > 50, "there is no log: the test proves nothing");
    assert!(log.contains("tried again"), "nothing failed: the test proves little");
    assert!(log.contains("please report this"), "nothing panicked: the test proves little");
    shown.push(("the log".to_owned(), log));
    let mut leaks = Vec::new();
    for (place, text) in &shown {
        for canary in canaries(&town) {
            let lines =
                text.lines().filter(|line| line.contains(&canary) && !line.contains(&format!("\"seconds\":{canary}")));
            leaks.extend(lines.take(1).map(|line| format!("{canary:?} in {place}: {line}")));
        }
    }
    town.close().await;
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
}
