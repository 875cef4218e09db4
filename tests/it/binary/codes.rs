//! No digit of a supervisor's code is logged, kept or told, right ones and wrong ones alike. Source: THREATS.md T-26, T-28.

use chrono::TimeDelta;
use offhook::sandbox::exchange::ROUTING;
use offhook::sandbox::stories::{ACME, JANE};
use offhook::sandbox::twilio::PhoneAction;
use reqwest::Method;
use serde_json::Value;

use crate::exchange::process::{Running, serve_on};
use crate::exchange::town::{OPERATOR_TOKEN, Plan, Town};

/// Keyed in, and nobody's.
const WRONG: &str = "90817263";
/// Too short to be one.
const SHORT: &str = "40719";

fn routing() -> String {
    let operator = "[brand.operator]\nnumber = \"+15550100098\"\n\n[brand.hours]\nmon";
    let supervisor = "[[supervisor]]\nid = \"dana\"\nname = \"Dana Reyes\"\n\n[[number]]\nnumber = \"+15550100002\"";
    ROUTING.replacen("[brand.hours]\nmon", operator, 1).replacen("[[number]]\nnumber = \"+15550100002\"", supervisor, 1)
}

async fn wait(town: &Town, seconds: i64) {
    town.advance(TimeDelta::seconds(seconds), TimeDelta::milliseconds(500)).await;
}

async fn ask(town: &Town, method: Method, path: &str) -> String {
    let url = format!("http://{}/api/v1{path}", town.address);
    let asked = town.http.request(method, url).header("Authorization", format!("Bearer {OPERATOR_TOKEN}"));
    asked.send().await.expect("an answer").text().await.expect("a body")
}

async fn key_in(town: &Town, code: &str) {
    assert!(town.act(JANE, PhoneAction::Keys("*".to_owned())).await);
    wait(town, 3).await;
    assert!(town.act(JANE, PhoneAction::Keys(format!("{code}#"))).await);
    wait(town, 2).await;
}

/// Whether the digits stand there by themselves; longer figures may contain them by accident.
fn holds(bytes: &[u8], digits: &str) -> bool {
    let is_figure =
        |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'.' | b'-'));
    bytes.windows(digits.len()).enumerate().any(|(at, found)| {
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        found == digits.as_bytes() && !is_figure(before) && !is_figure(bytes.get(at + digits.len()))
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_digits_of_a_code_are_nowhere() {
    let town = Town::open(Plan { routing: routing(), ..Plan::manual() }).await;
    town.import();
    let mut command = serve_on(&town.listener, town.folder());
    command.env("OFFHOOK_TEST_CLOCK", town.now().to_rfc3339()).env("RUST_LOG", "trace");
    command.env("OFFHOOK_SERVER__CODE_SECRET", "code-secret-of-the-tests-canary-0001");
    let service = Running::start(command);
    let told: Value = serde_json::from_str(&ask(&town, Method::POST, "/supervisors/dana/code").await).expect("a code");
    let code = told["code"].as_str().expect("digits").to_owned();
    assert!(town.act(JANE, PhoneAction::Dial { to: ACME.to_owned() }).await);
    wait(&town, 8).await;
    key_in(&town, SHORT).await;
    key_in(&town, WRONG).await;
    key_in(&town, &code).await;
    assert!(town.act(JANE, PhoneAction::Keys("1".to_owned())).await);
    wait(&town, 20).await;
    let heard = town.twilio.heard(JANE);
    assert!(heard.iter().any(|words| words.contains("for one hour")), "the code did nothing: {heard:?}");

    let calls = ask(&town, Method::GET, "/calls").await;
    let id = serde_json::from_str::<Value>(&calls).expect("calls")[0]["id"].as_str().expect("an id").to_owned();
    let mut shown = vec![("/metrics".to_owned(), town.get("/metrics").await.1.into_bytes())];
    for path in [format!("/calls/{id}"), "/audit".into(), "/supervisors".into(), "/brands/acme-movers/overrides".into()]
    {
        shown.push((path.clone(), ask(&town, Method::GET, &path).await.into_bytes()));
    }
    assert!(String::from_utf8_lossy(&shown[1].1).contains("code_tried"), "the history does not tell of codes");
    assert!(String::from_utf8_lossy(&shown[2].1).contains("supervisor_code_accepted"), "nor does the audit");
    drop(service);
    for file in ["log", "offhook.sqlite", "offhook.sqlite-wal"] {
        if let Ok(bytes) = std::fs::read(town.path(file)) {
            shown.push((file.to_owned(), bytes));
        }
    }
    let log = shown.iter().find(|(place, _)| place == "log").expect("a log");
    assert!(
        log.1.len() > 10_000 && shown.iter().any(|(place, _)| place == "offhook.sqlite"),
        "there is nothing to look at"
    );
    for (place, bytes) in &shown {
        for digits in [WRONG, SHORT, &code] {
            assert!(!holds(bytes, digits), "a code stands in {place}");
        }
    }
    town.close().await;
}
