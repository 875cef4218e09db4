//! `offhook sandbox` and `offhook demo`.

use std::time::Duration;

use serde_json::{Value, json};

use crate::exchange::process::{Running, offhook};

/// A client as the tests' own; the crypto provider may be there already.
fn client() -> reqwest::Client {
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(60)).build().unwrap()
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[tokio::test]
async fn the_stand_ins_alone_print_where_they_are_and_answer() {
    let folder = tempfile::tempdir().unwrap();
    let mut sandbox = Running::start(offhook(folder.path(), &["sandbox"]));
    let line = sandbox.line.clone();
    assert_eq!(keys(&line), ["chatwoot", "twilio"]);
    assert_eq!(keys(&line["twilio"]), ["account_sid", "auth_token", "base_url"]);
    let chatwoot =
        ["account_id", "admin_email", "admin_password", "admin_token", "agent2_token", "agent_token", "base_url"];
    assert_eq!(keys(&line["chatwoot"]), chatwoot);
    let text = |room: &str, key: &str| line[room][key].as_str().expect("text").to_owned();
    let http = client();
    let calls =
        format!("{}/2010-04-01/Accounts/{}/Calls.json", text("twilio", "base_url"), text("twilio", "account_sid"));
    let asked = http.get(&calls).basic_auth(text("twilio", "account_sid"), Some(text("twilio", "auth_token")));
    assert_eq!(asked.send().await.unwrap().status(), 200);
    assert_eq!(http.get(&calls).send().await.unwrap().status(), 401);
    for token in ["admin_token", "agent_token", "agent2_token"] {
        let profile = format!("{}/api/v1/profile", text("chatwoot", "base_url"));
        let asked = http.get(profile).header("api_access_token", text("chatwoot", token));
        assert_eq!(asked.send().await.unwrap().status(), 200, "{token}");
    }
    sandbox.terminate();
    assert!(sandbox.wait().success());
}

/// Other programs drive the telephones as the page does.
#[tokio::test]
async fn with_a_page_the_stand_ins_can_be_played_from_outside() {
    let folder = tempfile::tempdir().unwrap();
    let mut sandbox = Running::start(offhook(folder.path(), &["sandbox", "--page-port", "0"]));
    let page = sandbox.line["page"]["base_url"].as_str().expect("text").to_owned();
    let http = client();
    let post = async |path: &str, body: Value| {
        let answer = http.post(format!("{page}/sandbox/api{path}")).json(&body).send().await.unwrap();
        answer.status().as_u16()
    };
    assert_eq!(post("/switches", json!({ "twilio": { "dial_stops_at": "answer" } })).await, 204);
    assert_eq!(post("/switches", json!({ "twilio": { "nonsense": 1 } })).await, 409);
    assert_eq!(post("/phones/+15550100001/answer", json!({})).await, 409, "it does not ring");
    assert_eq!(post("/phones/+15550100001/dial", json!({ "to": "+15550100002" })).await, 204);
    sandbox.terminate();
    assert!(sandbox.wait().success());
}

#[test]
fn a_port_in_use_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for arguments in [["sandbox", "--twilio-port", &port], ["sandbox", "--page-port", &port], ["demo", "--port", &port]]
    {
        let folder = tempfile::tempdir().unwrap();
        let mut command = offhook(folder.path(), &arguments);
        let output = command.env("TMPDIR", folder.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(told.contains(&format!("port {port}")), "{arguments:?}: {told}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "{arguments:?} left something behind");
    }
}

#[test]
fn a_named_story_ends_as_it_should_and_an_unknown_one_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let played = offhook(folder.path(), &["demo", "--script", "answered"]).output().unwrap();
    let told = String::from_utf8_lossy(&played.stdout);
    assert!(played.status.success() && told.contains("talks with"), "{told}");
    let unknown = offhook(folder.path(), &["demo", "--script", "nonsense"]).output().unwrap();
    let told = String::from_utf8_lossy(&unknown.stderr);
    assert!(!unknown.status.success());
    for name in ["nonsense", "answered", "two-press-at-once", "chatwoot-down", "all"] {
        assert!(told.contains(name), "{told}");
    }
}
